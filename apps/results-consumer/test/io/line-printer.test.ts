import { setImmediate as turnOfEvents } from 'node:timers/promises';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createLinePrinter } from '../../src/io/line-printer.ts';

const long = 'x'.repeat(20_000);

test('waits for a stream that is full and goes on when it is read', async () => {
  const stream = new PassThrough({ highWaterMark: 1_000 });
  const print = createLinePrinter(stream, new AbortController().signal);
  let taken = 0;
  const printing = print(
    (function* () {
      for (; taken < 100; taken++) yield long;
    })(),
  );
  await turnOfEvents();
  expect(taken).toBeLessThan(3);
  const read = stream.toArray();
  await printing;
  stream.end();
  const text = Buffer.concat((await read) as Buffer[]).toString();
  expect(text).toBe(`${long}\n`.repeat(100));
});

test('keeps together what one call prints', async () => {
  const stream = new PassThrough({ highWaterMark: 1_000 });
  const print = createLinePrinter(stream, new AbortController().signal);
  const printing = Promise.all([print([long, 'a', long]), print([long, 'b', long])]);
  const read = stream.toArray();
  await printing;
  stream.end();
  const lines = Buffer.concat((await read) as Buffer[])
    .toString()
    .split('\n');
  expect(lines).toEqual([long, 'a', long, long, 'b', long, '']);
});

test('stops waiting, and printing, when the signal aborts', async () => {
  const stream = new PassThrough({ highWaterMark: 1_000 });
  const controller = new AbortController();
  const print = createLinePrinter(stream, controller.signal);
  const printing = print([long, 'never']);
  await turnOfEvents();
  controller.abort();
  await expect(printing).rejects.toThrow(/abort/);
  stream.end();
  expect(Buffer.concat((await stream.toArray()) as Buffer[]).toString()).toBe(`${long}\n`);
});
