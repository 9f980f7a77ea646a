import { countText } from './count-text.ts';

const ORDINALS = ['second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'];

/** Which part of the clicks is shown: `every click is shown`, `about every third click is shown`, `sample: about 1 in 1,700 clicks`. */
export function partText(oneOf: number): string {
  if (oneOf <= 1) return 'every click is shown';
  const ordinal = ORDINALS[oneOf - 2];
  if (ordinal !== undefined) return `about every ${ordinal} click is shown`;
  // Two digits, or it would be another number each time that anybody looks.
  return `sample: about 1 in ${countText(Number(oneOf.toPrecision(2)))} clicks`;
}
