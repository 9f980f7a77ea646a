import { printable } from '@clickstream/schema';

const EXCERPT_LENGTH = 80;

/** How a value begins: its first 80 characters as text, printable; empty for no value. */
export function excerptOf(value: Buffer | null): string {
  // A character has four bytes at most; one more shows whether anything is cut.
  const text = value?.subarray(0, (EXCERPT_LENGTH + 1) * 4).toString('utf8') ?? '';
  const characters = Array.from(text);
  const isCut = characters.length > EXCERPT_LENGTH;
  return printable(characters.slice(0, EXCERPT_LENGTH).join('')) + (isCut ? '…' : '');
}
