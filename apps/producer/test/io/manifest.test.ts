import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Manifest } from '../../src/io/manifest.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'manifest-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return join(folder, 'run.ndjson');
}

function linesOf(file: string): unknown[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const delivered = (partition: number, offset: bigint) =>
  ({ status: 'delivered', topic: 'clicks', partition, offset, latencyMs: 1 }) as const;

test('notes a line for each stretch of consecutive offsets, the users and the totals', () => {
  const file = temporaryFile();
  const manifest = new Manifest(file, { topic: 'clicks', run: 'r1' });
  manifest.add(delivered(0, 5n), '42', Buffer.from('a'));
  manifest.add(delivered(1, 9n), '7', Buffer.from('b'));
  manifest.add(delivered(0, 6n), '42', Buffer.from('c'));
  manifest.add(delivered(0, 8n), '__proto__', Buffer.from('d'));
  manifest.close();
  manifest.add(delivered(0, 9n), '42', Buffer.from('too late'));
  expect(linesOf(file)).toEqual([
    { manifest: 1, topic: 'clicks', run: 'r1' },
    { partition: 0, offset: '5', clicks: 2, sha256: sha256('ac') },
    { partition: 0, offset: '8', clicks: 1, sha256: sha256('d') },
    { partition: 1, offset: '9', clicks: 1, sha256: sha256('b') },
    {
      users: [
        ['42', 2],
        ['7', 1],
        ['__proto__', 1],
      ],
    },
    { acknowledged: 4, ranges: 3, users: 3 },
  ]);
});

test('spreads many users over many lines', () => {
  const file = temporaryFile();
  const manifest = new Manifest(file, { topic: 'clicks', run: 'r1' });
  for (let user = 0; user < 2500; user++)
    manifest.add(delivered(0, BigInt(user)), String(user), Buffer.from('a'));
  manifest.close();
  const lines = linesOf(file);
  expect(lines).toHaveLength(6);
  expect(lines.at(-1)).toEqual({ acknowledged: 2500, ranges: 1, users: 2500 });
});

test('is torn as long as it is not closed', () => {
  const file = temporaryFile();
  new Manifest(file, { topic: 'clicks', run: 'r1' });
  expect(linesOf(file)).toEqual([{ manifest: 1, topic: 'clicks', run: 'r1' }]);
});

test('says which file cannot be written', () => {
  expect(() => new Manifest(join(temporaryFile(), 'x'), { topic: 'clicks', run: 'r1' })).toThrow(
    expect.objectContaining({ code: 'CLICKSTREAM_PRODUCER_MANIFEST_UNWRITABLE' }) as Error,
  );
});
