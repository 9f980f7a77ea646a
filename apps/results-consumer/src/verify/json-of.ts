import { isUtf8 } from 'node:buffer';

/** The JSON that a value holds; undefined for anything else. */
export function jsonOf(value: Buffer | null): unknown {
  if (value === null || !isUtf8(value)) return undefined;
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}
