import type { z } from 'zod';
import { decodeJson } from './decode-json.ts';
import { decodeUtf8 } from './decode-utf8.ts';
import type { Decoded } from './decoded.ts';
import { malformed } from './decoded.ts';

/**
 * A JSON result of the shape `schema`, under the key that `keyOf` says. Never throws. Unknown fields, those of a later
 * version, are ignored.
 */
export function decodeResult<T>(
  key: Buffer | null,
  value: Buffer | null,
  schema: z.ZodType<T>,
  keyOf: (result: T) => string,
): Decoded<T> {
  if (value === null || value.length === 0) return malformed('no-value', 'the record has no value');
  if (key === null) return malformed('key-mismatch', 'the record has no key');
  const keyText = decodeUtf8(key, 0, key.length);
  if (keyText === undefined) return malformed('not-utf8', 'the key is not valid UTF-8');
  const json = decodeJson(value, 0, value.length);
  if (json.status === 'malformed') return json;
  const checked = schema.safeParse(json.value);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    return malformed('bad-field', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  if (keyOf(checked.data) !== keyText) {
    return malformed('key-mismatch', 'the key of the record is not that of its value');
  }
  return { status: 'decoded', value: checked.data };
}
