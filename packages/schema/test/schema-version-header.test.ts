import { expect, it } from 'vitest';
import { isSupportedSchemaVersion, schemaVersionHeader } from '@clickstream/schema';

it('reads what it writes, and clicks without a version', () => {
  expect(schemaVersionHeader).toEqual({ name: 'schema-version', value: '1' });
  expect(isSupportedSchemaVersion(Buffer.from(schemaVersionHeader.value))).toBe(true);
  expect(isSupportedSchemaVersion(undefined)).toBe(true);
});

it.each(['1', '1.0', '1.7', '1.2.3'])('reads version %s', (version) => {
  expect(isSupportedSchemaVersion(Buffer.from(version))).toBe(true);
});

it.each(['2', '0', '10', '1.', '01', 'v1', '', ' 1', '1\n', '1.x'])('does not read version %j', (version) => {
  expect(isSupportedSchemaVersion(Buffer.from(version))).toBe(false);
});
