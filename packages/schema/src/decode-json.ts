import { decodeUtf8 } from './decode-utf8.ts';
import type { Decoded } from './decoded.ts';
import { malformed } from './decoded.ts';
import { printable } from './printable.ts';

/**
 * Levels of objects and arrays that JSON on the wire may have. JSON.parse takes any number, but writing out again what
 * has some thousand levels overflows the stack, and would do so far from here.
 */
export const JSON_NESTING_MAX = 512;

/** JSON in strict UTF-8. `__proto__` becomes an own property like any other, which is what JSON.parse does. */
export function decodeJson(bytes: Buffer, start: number, end: number): Decoded<unknown> {
  const text = decodeUtf8(bytes, start, end);
  if (text === undefined) return malformed('not-utf8', 'the JSON is not valid UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return malformed('not-json', printable(error instanceof Error ? error.message : String(error)));
  }
  // Every level takes two brackets: most records are too short to be asked.
  if (text.length > 2 * JSON_NESTING_MAX && isNestedTooDeeply(value)) {
    return malformed('bad-field', `the JSON has more than ${JSON_NESTING_MAX} levels`);
  }
  return { status: 'decoded', value };
}

/** Level by level, never by recursion, which is what this protects from. */
function isNestedTooDeeply(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const containers = level.filter((one) => typeof one === 'object' && one !== null);
    if (containers.length > 0 && depth === JSON_NESTING_MAX) return true;
    level = containers.flatMap((container) => Object.values(container as Record<string, unknown>));
  }
  return false;
}
