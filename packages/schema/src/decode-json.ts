import { decodeUtf8 } from './decode-utf8.ts';
import type { Decoded } from './decoded.ts';
import { malformed } from './decoded.ts';
import { printable } from './printable.ts';

/** JSON in strict UTF-8. `__proto__` becomes an own property like any other, which is what JSON.parse does. */
export function decodeJson(bytes: Buffer, start: number, end: number): Decoded<unknown> {
  const text = decodeUtf8(bytes, start, end);
  if (text === undefined) return malformed('not-utf8', 'the JSON is not valid UTF-8');
  try {
    return { status: 'decoded', value: JSON.parse(text) as unknown };
  } catch (error) {
    return malformed('not-json', printable(error instanceof Error ? error.message : String(error)));
  }
}
