import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kafkaEnvironment, logEnvironment } from '@clickstream/kafka-client';
import { expect, test } from 'vitest';
import { environmentSchema } from '../src/config.ts';
import { decodeAccessLogLine } from '../src/core/decode-access-log-line.ts';
import { runApp } from './run-producer.ts';

const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');

test('lists every variable with its default and meaning', () => {
  const { shape } = environmentSchema;
  const defaults = environmentSchema.parse({});
  const rows = Object.entries(shape).map(([name, field]) => {
    const value = defaults[name as keyof typeof defaults];
    return `| \`${name}\` | ${value === undefined ? 'none' : `\`${String(value)}\``} | ${field.description ?? ''} |`;
  });
  const table = readme.split('\n').filter((line) => /^\| `[A-Z_]+` +\|/.test(line));
  // prettier pads the columns.
  expect(table.map((row) => row.replaceAll(/ +/g, ' '))).toEqual(rows);
  expect(Object.keys(shape)).toEqual(
    expect.arrayContaining([...Object.keys(kafkaEnvironment), ...Object.keys(logEnvironment)]),
  );
});

test.each([['simulate'], ['replay']])('shows the help of %s as it is', async (command) => {
  const { stdout, exitCode } = await runApp([command, '--help']);
  expect(exitCode).toBe(0);
  expect(readme).toContain(stdout.trim());
});

test('shows the click that a log line becomes', () => {
  const [, line = ''] = /^(\S+ - - \[.*)$/m.exec(readme) ?? [];
  const [, click = ''] = /^(\{"eventId".*\})$/m.exec(readme) ?? [];
  const decoded = decodeAccessLogLine(Buffer.from(line));
  expect(decoded).toEqual({ status: 'decoded', value: expect.anything() as unknown });
  expect(JSON.parse(click)).toEqual({
    eventId: expect.stringMatching(/^[0-9a-f]{16}-1$/) as string,
    ...(decoded.status === 'decoded' && decoded.value),
  });
});
