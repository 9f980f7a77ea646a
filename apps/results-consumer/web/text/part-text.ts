import { countText } from './count-text.ts';

const ORDINALS = ['second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'];

/** Which part of the clicks is shown: `every click is shown`, `every third click is shown`, `about one click in 1,700 is shown`. */
export function partText(oneOf: number): string {
  if (oneOf <= 1) return 'every click is shown';
  const ordinal = ORDINALS[oneOf - 2];
  if (ordinal !== undefined) return `every ${ordinal} click is shown`;
  // Two digits, or it would be another number each time that anybody looks.
  return `about one click in ${countText(Number(oneOf.toPrecision(2)))} is shown`;
}
