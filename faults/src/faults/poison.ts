import assert from 'node:assert/strict';
import { createRecordProducer } from '@clickstream/kafka-client';
import { CLICK_ORIGIN_HEADER, encodeClickEvent, formatClickOrigin } from '@clickstream/schema';
import { readDeadLetters, type TestTopics } from '@clickstream/test-harness';
import { administer, alterTopic } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { peakMemoryMb } from '../peak-memory.ts';

const MEGABYTE = 1024 * 1024;
const TINY_RECORDS = 200_000;
/** The producer counts a tiny record as 33 bytes; on the wire, all of them together are 2 MB. */
const TINY_BATCH_BYTES = 8 * MEGABYTE;
const HEAP_MB = 256;
const MOST_MEMORY_MB = 700;

/** Values that are no clicks. */
const NO_CLICKS: readonly (string | Buffer | null)[] = [
  'hello',
  '',
  null,
  '{',
  '{"userId":',
  '[]',
  '{"userId":1,"url":"/","timestamp":1}',
  '{"userId":"a","url":"/","timestamp":"1"}',
  '{"userId":"a","url":"/","timestamp":NaN}',
  '{"userId":"a","url":"/","timestamp":1e999}',
  '{"userId":"a","url":"/","timestamp":1.5}',
  '{"userId":"","url":"/","timestamp":1}',
  '{"__proto__":{"userId":"a"},"url":"/","timestamp":1}',
  'User a clicked on /page at NaN',
  'User  clicked on /page at 1',
  Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
  Buffer.from([0x7b, 0xc3, 0x28, 0x7d]),
];
const TOO_LARGE = [
  Buffer.alloc(MEGABYTE, 'x'),
  Buffer.from(`{"userId":"a","url":"/${'x'.repeat(MEGABYTE)}","timestamp":1}`),
];
const EXPECTED = new Set(['malformed', 'too-large', 'unsupported-version', 'future']);
const HOUR_MS = 3_600_000;
/** Users like any other. */
const STRANGE_USERS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '\u{1f600}', 'a:b,c=d'];

/** What a forwarded click has, on clicks that were not. */
const FORGED_ORIGIN = {
  'origin-topic': 'elsewhere',
  'origin-partition': '0',
  'origin-offset': '9223372036854775807',
  'origin-timestamp': '0',
};

export const poison: Fault = {
  name: 'poison',
  title:
    'records that are no clicks, of the future, forged, 1 MB large, inflate to 50 MB, or come 200,000 in a batch',
  emit: 'coalesced',
  isInputUnprintable: true,
  rounds: 3,
  seconds: { round: 5, fixed: 60 },
  async run({ rounds, random, topics, load, startAggregator, keepWriting, recover, report }) {
    const { clicks: topic, partitions, connection, log } = topics;
    await alterTopic(topics, topic, { 'max.message.bytes': 4 * MEGABYTE });
    const producer = await createRecordProducer([topic], {
      connection,
      log,
      maxBatchBytes: TINY_BATCH_BYTES,
      maxBatchRecords: TINY_RECORDS,
      maxBufferedRecords: TINY_RECORDS,
    });
    topics.atEnd(() => producer.close());
    const aggregator = startAggregator({ nodeOptions: [`--max-old-space-size=${HEAP_MB}`] });
    await aggregator.ready();
    const stopWriting = keepWriting(100);
    for (let round = 0; round < rounds; round++) {
      const place = () => ({
        topic,
        key: [null, Buffer.alloc(4), Buffer.from('__proto__')][random.below(3)] ?? null,
        partition: random.below(partitions),
      });
      for (const text of NO_CLICKS)
        await load.writeMalformed({ ...place(), value: typeof text === 'string' ? Buffer.from(text) : text });
      for (const value of TOO_LARGE)
        await load.writeMalformedBy(1, async () => {
          await producer.send({ ...place(), value });
        });
      for (const userId of STRANGE_USERS) {
        const value = Buffer.from(
          encodeClickEvent({ eventId: `e-${round}`, userId, url: '/', timestamp: 1 }, 'json'),
        );
        await load.writeClick(userId, { ...place(), value });
        const headers = { 'schema-version': '2' };
        await load.writeMalformed({ ...place(), value, headers });

        const future = { eventId: `f-${round}`, userId, url: '/', timestamp: Date.now() + HOUR_MS };
        await load.writeMalformed({ ...place(), value: Buffer.from(encodeClickEvent(future, 'json')) });
      }
      const userId = `${topics.id}-forged`;
      const text = encodeClickEvent({ userId, url: '/', timestamp: 1_700_000_000_000 }, 'sentence');
      const sentence = { topic, key: Buffer.from(userId), value: Buffer.from(text) };
      const known = { topic: 'elsewhere', partition: 0, offset: BigInt(round) };
      const knownAs = (origin: string) => ({ ...sentence, headers: { [CLICK_ORIGIN_HEADER]: origin } });
      await load.writeClick(userId, { ...sentence, headers: FORGED_ORIGIN });
      await load.writeClick(userId, { ...sentence, partition: 0, headers: FORGED_ORIGIN });
      await load.writeClick(userId, { ...sentence, partition: 1, headers: FORGED_ORIGIN });
      await load.writeClick(userId, knownAs(formatClickOrigin(known)));
      // Whoever says that two sentences are the same click is believed, and whoever says nothing that can be read is not.
      await load.writeRepetition(knownAs(formatClickOrigin(known)));
      for (let each = 0; each < 2; each++) await load.writeClick(userId, knownAs('elsewhere/0/__proto__'));
      await load.writeMalformedBy(TINY_RECORDS, async () => {
        const tiny = { topic, key: null, value: Buffer.from('x'), partition: 0 };
        await Promise.all(Array.from({ length: TINY_RECORDS }, () => producer.send(tiny)));
      });
    }
    assert.deepEqual(
      (await batchSizes(topics, 0)).filter((records) => records >= TINY_RECORDS),
      Array.from({ length: rounds }, () => TINY_RECORDS),
    );
    await load.writeMalformedBy(1, async () => {
      await administer(
        topics,
        'kafka-console-producer',
        [
          ...['--topic', topic, '--compression-codec', 'gzip'],
          ...['--command-property', `max.request.size=${60 * MEGABYTE}`],
          ...['--command-property', `buffer.memory=${120 * MEGABYTE}`],
        ],
        `${'x'.repeat(50 * MEGABYTE)}\n`,
      );
    });
    // So that recovering means that all of this is read.
    await stopWriting();
    await recover(aggregator);

    const mostMb = peakMemoryMb(aggregator.pid) ?? 0;
    report(`${mostMb} MB at most`);
    assert.ok(mostMb <= MOST_MEMORY_MB, `the aggregator took ${mostMb} MB`);
    const reasons = new Map<string, number>();
    for (const { reason } of await readDeadLetters(topics))
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    assert.equal(reasons.get('too-large'), rounds * TOO_LARGE.length + 1);
    assert.equal(reasons.get('unsupported-version'), rounds * STRANGE_USERS.length);
    assert.equal(reasons.get('future'), rounds * STRANGE_USERS.length);
    assert.ok((reasons.get('malformed') ?? 0) >= rounds * (NO_CLICKS.length + TINY_RECORDS));
    // The strange users' clicks are of 1970, so that their windows may have closed.
    const others = ['late', 'missed', 'session-late'];
    const unexpected = [...reasons.keys()].filter(
      (reason) => !EXPECTED.has(reason) && !others.includes(reason),
    );
    assert.deepEqual(unexpected, []);
  },
};

/** How many records each batch of a partition of the click topic holds, in the order of their offsets. */
async function batchSizes({ reader, clicks: topic }: TestTopics, partition: number): Promise<number[]> {
  const to = (await reader.endOffsets(topic))[partition] ?? 0n;
  const sizes = new Map<bigint, number>();
  for await (const batch of reader.read({ topic, partition, from: 0n, to }))
    for (const record = batch.walk(); record.next();)
      sizes.set(record.batchBaseOffset, (sizes.get(record.batchBaseOffset) ?? 0) + 1);
  return [...sizes.values()];
}
