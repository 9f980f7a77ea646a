import { encodeClickEvent } from '@clickstream/schema';
import { administer, alterTopic } from '../administer.ts';
import type { Fault } from '../fault.ts';

const MEGABYTE = 1024 * 1024;
const TINY_RECORDS = 200_000;

/** No clicks, each for a reason of its own. */
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
  Buffer.alloc(MEGABYTE, 'x'),
  Buffer.from(`{"userId":"a","url":"/${'x'.repeat(MEGABYTE)}","timestamp":1}`),
];
/** Users like any other. */
const STRANGE_USERS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '\u{1f600}', 'a:b,c=d'];

export const poison: Fault = {
  name: 'poison',
  title: 'records that are no clicks, 1 MB large, inflate to 50 MB, or come 200,000 in a batch',
  emit: 'coalesced',
  isInputUnprintable: true,
  rounds: 3,
  seconds: { round: 5, fixed: 40 },
  async run({ rounds, random, topics, load, startAggregator, keepWriting, recover }) {
    const { clicks: topic, partitions } = topics;
    await alterTopic(topics, topic, { 'max.message.bytes': 3 * MEGABYTE });
    const aggregator = startAggregator();
    await aggregator.ready();
    const stopWriting = keepWriting(100);
    for (let round = 0; round < rounds; round++) {
      for (const text of NO_CLICKS) {
        const value = typeof text === 'string' ? Buffer.from(text) : text;
        const key = [null, Buffer.alloc(4), Buffer.from('__proto__')][random.below(3)] ?? null;
        await load.writeMalformed({ topic, key, value, partition: random.below(partitions) });
      }
      for (const userId of STRANGE_USERS) {
        const value = Buffer.from(
          encodeClickEvent({ eventId: `strange-${round}-${userId}`, userId, url: '/', timestamp: 1 }, 'json'),
        );
        const key = random.below(2) === 0 ? Buffer.alloc(4) : Buffer.from(userId);
        await load.writeClick(userId, { topic, key, value });
      }
      await recover(aggregator);
    }
    await stopWriting();
    const produceZipped = (input: string, lines: number, ...settings: string[]) =>
      load.writeMalformedBy(lines, async () => {
        const properties = settings.flatMap((setting) => ['--command-property', setting]);
        await administer(
          topics,
          'kafka-console-producer',
          ['--topic', topic, '--compression-codec', 'gzip', ...properties],
          input,
        );
      });
    await produceZipped(
      `${'x'.repeat(50 * MEGABYTE)}\n`,
      1,
      `max.request.size=${60 * MEGABYTE}`,
      `buffer.memory=${120 * MEGABYTE}`,
    );
    await produceZipped(
      'x\n'.repeat(TINY_RECORDS),
      TINY_RECORDS,
      `batch.size=${16 * MEGABYTE}`,
      'linger.ms=2000',
      `max.request.size=${60 * MEGABYTE}`,
    );
    await recover(aggregator);
  },
};
