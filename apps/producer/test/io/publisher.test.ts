import { PassThrough, Readable, Writable } from 'node:stream';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import type {} from '@clickstream/local-kafka/vitest';
import { expect, inject, test } from 'vitest';
import { environmentSchema } from '../../src/config.ts';
import { createClickGenerator } from '../../src/core/click-generator.ts';
import { openPublisher } from '../../src/io/publisher.ts';
import { readClicks, uniqueTopic } from '../run-producer.ts';

/** What Kafka's side alone lets wait. */
const BUFFERED_RECORDS = 50_000;

test('waits for a reader of the reports that does not keep up', async () => {
  const target = { brokers: inject('kafkaBrokers'), topic: uniqueTopic() };
  let isReading = false;
  let printed = '';
  let goOn: (() => void) | undefined;
  const stdout = new Writable({
    write: (chunk: Buffer, _, done) => {
      printed += chunk.toString();
      if (isReading) done();
      else goOn = done;
    },
  });
  const publisher = await openPublisher({
    context: {
      args: [],
      environment: {},
      stdin: Readable.from([]),
      stdout,
      stderr: new PassThrough(),
      signal: new AbortController().signal,
    },
    config: environmentSchema.parse({
      KAFKA_BROKERS: target.brokers,
      CLICKSTREAM_TOPIC: target.topic,
      LOG_LEVEL: 'silent',
    }),
    format: 'json',
    hasReports: true,
  });
  const clicks = createClickGenerator({ users: 10, pages: 10, seed: 1, skew: 0, runId: 'r' });
  while (publisher.sent < BUFFERED_RECORDS && publisher.publish(clicks.next(Date.now())))
    await turnOfEventLoop();
  expect(publisher.sent).toBeLessThan(BUFFERED_RECORDS);

  const { sent } = publisher;
  let isWritable = false;
  const writable = publisher.whenWritable().then(() => {
    isWritable = true;
  });
  await expect.poll(() => readClicks(target), { timeout: 60_000 }).toHaveLength(sent);
  expect(isWritable).toBe(false);

  isReading = true;
  goOn?.();
  await writable;
  expect(await publisher.finish()).toMatchObject({ sent, acknowledged: sent });
  expect(printed.match(/^Message delivered to .*\n/gm)).toHaveLength(sent);
});
