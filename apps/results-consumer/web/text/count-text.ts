const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** A count with its thousands apart: `12,345`. */
export function countText(count: number): string {
  return whole.format(count);
}

/** A count with what is counted: `1 click`, `12,345 clicks`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** A rate: with a decimal while that says something. */
export function rateText(perSecond: number): string {
  return (perSecond < 100 ? short : whole).format(perSecond);
}
