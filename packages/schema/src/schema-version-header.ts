/** The optional record header that names the version of a click event's schema. */
export const schemaVersionHeader = { name: 'schema-version', value: '1' } as const;

const SUPPORTED = /^1(?:\.\d+)*$/;

/** Whether this package reads clicks of that version: no header, `1` and `1.<minor>` are fine, others are not. */
export function isSupportedSchemaVersion(headerValue: Buffer | null | undefined): boolean {
  return (
    headerValue === undefined || (headerValue !== null && SUPPORTED.test(headerValue.toString('latin1')))
  );
}
