import stringWidth from 'string-width';

const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** A printable text in exactly `width` columns of a terminal: cut with an ellipsis, or filled up with spaces. */
export function inColumns(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutToWidth(text, width);
  const spaces = ' '.repeat(width - stringWidth(cut));
  return align === 'left' ? cut + spaces : spaces + cut;
}

/** A printable text in at most `width` columns. */
export function cutToWidth(text: string, width: number): string {
  if (width <= 0) return '';
  // Far more characters than columns: most of it is not looked at.
  const start = text.slice(0, 8 * width);
  if (start.length === text.length && stringWidth(text) <= width) return text;
  let kept = '';
  let columns = 0;
  for (const { segment } of segments.segment(start)) {
    columns += stringWidth(segment);
    if (columns > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
