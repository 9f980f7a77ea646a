/** Why an encoder refused; a closed list. */
export const SCHEMA_ERROR_CODES = [
  'CLICKSTREAM_SCHEMA_INVALID_EVENT',
  'CLICKSTREAM_SCHEMA_NO_SENTENCE',
] as const;

/** One of {@link SCHEMA_ERROR_CODES}. */
export type SchemaErrorCode = (typeof SCHEMA_ERROR_CODES)[number];

/** Thrown by encoders for a value that no decoder would take back; branch on `code`, never on the text. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly code: SchemaErrorCode;

  constructor(code: SchemaErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
