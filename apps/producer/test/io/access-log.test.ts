import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAccessLog } from '../../src/io/access-log.ts';

const unaborted = new AbortController().signal;
const CONTENT = 'first\nsecond\nthird\n';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'producer-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** What a log holds, and the event ids of its lines. */
async function readAll(path: string, chunks: readonly Buffer[] = []) {
  const log = await openAccessLog(path, Readable.from(chunks), unaborted);
  try {
    const read: Buffer[] = [];
    for await (const chunk of log.read(unaborted)) read.push(Buffer.from(chunk));
    const content = Buffer.concat(read).toString();
    const lines = content.split('\n').slice(0, -1);
    return { content, ids: lines.map((line, index) => log.eventIdOf(index + 1, Buffer.from(line))), log };
  } finally {
    await log.close();
  }
}

describe('a file', () => {
  test('gives lines ids of the content’s hash and the line number, packed or not, under any name', async () => {
    const plain = await readAll(await write('plain.log', CONTENT));
    const packed = await readAll(await write('packed', gzipSync(CONTENT)));
    expect(plain.content).toBe(CONTENT);
    expect(packed.content).toBe(CONTENT);
    expect(plain.log.contentBytes).toBe(CONTENT.length);
    expect(packed.log.contentBytes).toBe(CONTENT.length);
    // printf 'first\nsecond\nthird\n' | sha256sum
    expect(plain.ids).toEqual(['f5c962601b413ccd-1', 'f5c962601b413ccd-2', 'f5c962601b413ccd-3']);
    expect(packed.ids).toEqual(plain.ids);
  });

  test('gives the same line of another log another id', async () => {
    const one = await readAll(await write('one.log', 'same\nfirst\n'));
    const two = await readAll(await write('two.log', 'same\nsecond\n'));
    expect(one.ids[0]).not.toBe(two.ids[0]);
  });

  test('is read as far as it went when it was opened', async () => {
    const path = await write('growing.log', CONTENT);
    const log = await openAccessLog(path, Readable.from([]), unaborted);
    await appendFile(path, 'fourth\n');
    const chunks: Buffer[] = [];
    for await (const chunk of log.read(unaborted)) chunks.push(chunk);
    await log.close();
    expect(Buffer.concat(chunks).toString()).toBe(CONTENT);
  });

  test('that is cut-off gzip is refused before anything is read from it', async () => {
    const path = await write('cut.gz', gzipSync(CONTENT).subarray(0, 20));
    await expect(openAccessLog(path, Readable.from([]), unaborted)).rejects.toMatchObject({
      code: 'CLICKSTREAM_PRODUCER_SOURCE_UNREADABLE',
      message: expect.stringContaining('damaged gzip data') as string,
    });
  });

  test('ends when the signal aborts while its first read is under way', async () => {
    const file = join(folder, 'stopped.log');
    await writeFile(file, CONTENT);
    const controller = new AbortController();
    const log = await openAccessLog(file, new Readable(), new AbortController().signal);
    const first = log.read(controller.signal).next();
    controller.abort();
    expect(await first).toEqual({ value: undefined, done: true });
    await log.close();
  });
});

describe('a pipe', () => {
  test('gives a line the same id however far the log has grown since', async () => {
    const before = await readAll('-', [Buffer.from('first\nsecond\n')]);
    const after = await readAll('-', [Buffer.from(CONTENT)]);
    expect(after.ids.slice(0, 2)).toEqual(before.ids);
    expect(new Set(after.ids).size).toBe(3);
    expect(after.log.contentBytes).toBeUndefined();
  });

  test('gives a line another id after other lines', async () => {
    const one = await readAll('-', [Buffer.from('a\nsame\n')]);
    const two = await readAll('-', [Buffer.from('b\nsame\n')]);
    expect(one.ids[1]).not.toBe(two.ids[1]);
  });

  test('is unpacked though it comes byte by byte', async () => {
    const bytes = [...gzipSync(CONTENT)].map((byte) => Buffer.from([byte]));
    const { content, ids } = await readAll('-', bytes);
    expect(content).toBe(CONTENT);
    expect(ids).toEqual((await readAll('-', [Buffer.from(CONTENT)])).ids);
  });

  test('of one byte is that byte', async () => {
    expect((await readAll('-', [Buffer.from([0x1f])])).content).toBe('\x1f');
  });

  test('that is damaged gzip says so where it is damaged', async () => {
    await expect(readAll('-', [gzipSync(CONTENT).subarray(0, 20)])).rejects.toMatchObject({
      code: 'CLICKSTREAM_PRODUCER_SOURCE_UNREADABLE',
      message: 'cannot read standard input: damaged gzip data (unexpected end of file)',
    });
  });

  test('ends when the signal aborts, though more could come', async () => {
    const controller = new AbortController();
    const stdin = new Readable({ read: () => undefined });
    stdin.push(CONTENT);
    const log = await openAccessLog('-', stdin, controller.signal);
    const chunks: string[] = [];
    for await (const chunk of log.read(controller.signal)) {
      chunks.push(chunk.toString());
      controller.abort();
    }
    expect(chunks).toEqual([CONTENT]);
    expect(stdin.destroyed).toBe(true);
  });
});
