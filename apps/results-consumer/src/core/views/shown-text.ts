/** How much of a url, page or excerpt is kept and shown, UTF-16 code units. */
export const SHOWN_TEXT_LENGTH = 256;

/** The beginning of a text that may have thousands of characters, with an ellipsis if something is cut. */
export function shownText(text: string, length: number = SHOWN_TEXT_LENGTH): string {
  if (text.length <= length) return text;
  // A slice keeps the whole text in memory, and may end within a character.
  return Buffer.from(text.slice(0, length - 1).toWellFormed()).toString('utf8') + '…';
}
