/** How much of a url, page or excerpt is kept and shown, UTF-16 code units. */
export const SHOWN_TEXT_LENGTH = 256;

/** The beginning of a text that may have thousands of characters, with an ellipsis if something is cut. */
export function shownText(text: string, length: number = SHOWN_TEXT_LENGTH): string {
  if (text.length <= length) return text;
  // A slice may end within a character.
  return ownText(text.slice(0, length - 1)) + '…';
}

/** A text that is to be kept: one that was cut from another, or put together, keeps what it was made of in memory. */
export function ownText(text: string): string {
  return Buffer.from(text.toWellFormed()).toString('utf8');
}
