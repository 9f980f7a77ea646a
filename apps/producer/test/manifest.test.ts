import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {} from '@clickstream/local-kafka/vitest';
import { expect, inject, onTestFinished, test } from 'vitest';
import { readClicks, runProducer, uniqueTopic } from './run-producer.ts';

const LOG = '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5\n';

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'manifest-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return join(folder, 'run.ndjson');
}

test.each([
  { args: ['simulate', '--rate', 'max', '--count', '500', '--run-id', 'r1'], run: 'r1', clicks: 500 },
  { args: ['replay', '-'], run: 'standard input', clicks: 3 },
])('$args notes what was acknowledged', async ({ args, run, clicks }) => {
  const file = temporaryFile();
  const target = { brokers: inject('kafkaBrokers'), topic: uniqueTopic() };
  const { exitCode, stderr } = await runProducer(target, [...args, '--manifest', file], {
    input: LOG.repeat(3),
  });
  expect(exitCode, stderr).toBe(0);

  const written = await readClicks(target);
  const users = new Map<string, number>();
  for (const { click } of written) users.set(click.userId, (users.get(click.userId) ?? 0) + 1);
  const [header, ...lines] = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(header).toEqual({ manifest: 1, topic: target.topic, run });
  const partitions = [...new Set(written.map(({ partition }) => partition))];
  expect(lines.slice(0, partitions.length)).toEqual(
    expect.arrayContaining(
      partitions.map((partition) => {
        const values = written.filter((one) => one.partition === partition).map(({ value }) => value);
        const sha256 = createHash('sha256').update(values.join('')).digest('hex');
        return { partition, offset: '0', clicks: values.length, sha256 };
      }),
    ),
  );
  expect(new Map(lines.at(-2)?.['users'] as [string, number][])).toEqual(users);
  expect(lines.at(-1)).toEqual({ acknowledged: clicks, ranges: partitions.length, users: users.size });
});

test('sends nothing when the manifest cannot be written', async () => {
  const target = { brokers: inject('kafkaBrokers'), topic: uniqueTopic() };
  const { exitCode, stdout, stderr } = await runProducer(target, ['--manifest', '/no/such/folder/file']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toMatch(/^cannot write \/no\/such\/folder\/file: ENOENT/m);
});

test('leaves an earlier manifest as it is when the start fails', async () => {
  const file = temporaryFile();
  writeFileSync(file, 'of an earlier run');
  const target = { brokers: inject('kafkaBrokers'), topic: uniqueTopic() };
  const { exitCode, stderr } = await runProducer(target, ['--manifest', file], {
    env: {
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'somebody',
      KAFKA_SASL_PASSWORD: 'hush-hush',
    },
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('refused the log-in');
  expect(readFileSync(file, 'utf8')).toBe('of an earlier run');
});
