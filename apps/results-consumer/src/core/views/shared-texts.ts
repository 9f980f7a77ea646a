import { shownText, SHOWN_TEXT_LENGTH } from './shown-text.ts';

const PLACES = 8_192;

/** Makes one string of texts that come again and again, however often they do; constant memory of its own. */
export class SharedTexts {
  readonly #texts: string[] = new Array<string>(PLACES).fill('');

  /** The text of ASCII bytes `[start, end)`, cut to 256 characters. */
  ofAscii(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > SHOWN_TEXT_LENGTH) return shownText(bytes.toString('latin1', start, end));
    let hash = length;
    for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const known = this.#texts[place] ?? '';
    if (known.length === length && isAt(known, bytes, start)) return known;
    const text = bytes.toString('latin1', start, end);
    this.#texts[place] = text;
    return text;
  }
}

function isAt(text: string, bytes: Buffer, start: number): boolean {
  for (let index = 0; index < text.length; index += 1)
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  return true;
}
