import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { homePartition } from '../src/placement.ts';
import {
  createRecordProducer,
  type DeliveryReport,
  type OutgoingRecord,
  type RecordProducer,
  type RecordProducerOptions,
} from '../src/record-producer.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { readAll } from './read-all.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');

const withProducer = async (
  topics: readonly string[],
  use: (producer: RecordProducer) => Promise<void>,
  options: Partial<RecordProducerOptions> = {},
) => {
  const producer = await createRecordProducer(topics, { ...testConnection(brokers), ...options });
  try {
    await use(producer);
  } finally {
    await producer.close();
  }
};

const record = (topic: string, value: string, more: Partial<OutgoingRecord> = {}): OutgoingRecord => ({
  topic,
  key: null,
  value: Buffer.from(value),
  ...more,
});

describe('a delivery report', () => {
  it('tells where each record is', async () => {
    const topic = await createTestTopic(brokers, 'reports', { partitions: 4 });
    const other = await createTestTopic(brokers, 'other-reports', { partitions: 2 });
    const reports: { value: string; key: string | null; report: DeliveryReport }[] = [];
    await withProducer([topic, other], async (producer) => {
      for (let index = 0; index < 600; index++) {
        const key = index % 3 === 0 ? null : `user ${index % 17}`;
        const outgoing = record(index % 5 === 0 ? other : topic, String(index), {
          key: key === null ? null : Buffer.from(key),
          ...(index % 7 === 0 && { partition: 1 }),
        });
        producer.write(outgoing, (report) => reports.push({ value: String(index), key, report }));
        // Several batches, one after the other.
        if (index % 50 === 0) await producer.flush();
      }
      await producer.flush();
    });

    expect(reports).toHaveLength(600);
    const logs = { [topic]: await readAll(brokers, topic), [other]: await readAll(brokers, other) };
    const partitions = new Set<number>();
    for (const { value, key, report } of reports) {
      if (report.status !== 'delivered') expect.unreachable(String(report.error));
      const log = logs[report.topic]!;
      expect(log[report.partition]?.find(({ offset }) => offset === report.offset)).toMatchObject({
        key,
        value,
      });
      expect(report.latencyMs).toBeGreaterThan(0);
      if (Number(value) % 7 === 0) expect(report.partition).toBe(1);
      else if (key !== null) expect(report.partition).toBe(homePartition(Buffer.from(key), log.length));
      else partitions.add(report.partition);
    }
    // Records without key take turns.
    expect(partitions).toEqual(new Set([0, 1, 2, 3]));
    // In order within each partition.
    for (const log of Object.values(logs).flat()) {
      const values = log.map(({ value }) => Number(value));
      expect(values).toEqual(values.toSorted((a, b) => a - b));
    }
  });

  it('comes once for each record, whatever became of it', async () => {
    const topic = await createTestTopic(brokers, 'too-large', { partitions: 1 });
    const reports: [number, string][] = [];
    await withProducer(
      [topic],
      async (producer) => {
        for (let index = 0; index < 10; index++)
          producer.write(record(topic, 'x'.repeat(index === 4 ? 1_000 : 100)), (report) => {
            reports.push([index, report.status === 'delivered' ? String(report.offset) : report.error.code]);
          });
        await producer.flush();
      },
      { maxBatchBytes: 900 },
    );
    expect(reports.toSorted(([a], [b]) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, index) => [
        index,
        index === 4 ? 'CLICKSTREAM_KAFKA_RECORD_TOO_LARGE' : String(index < 4 ? index : index - 1),
      ]),
    );
  });

  it('of a record over the limit names the limit and disturbs no other', async () => {
    const topic = await createTestTopic(brokers, 'over-the-limit');
    await withProducer([topic], async (producer) => {
      const fate = producer.send(record(topic, 'x'.repeat(1_000_000)));
      const good = producer.send(record(topic, 'good'));
      await expect(fate).rejects.toMatchObject({
        code: 'CLICKSTREAM_KAFKA_RECORD_TOO_LARGE',
        topic,
        partition: 0,
        message: expect.stringContaining(String(900 * 1024)) as unknown,
      });
      expect(await good).toMatchObject({ status: 'delivered', offset: 0n });
    });
  });

  it('is a failure when the broker refuses the batch, and the next batch is written', async () => {
    const topic = await createTestTopic(brokers, 'refused', { config: { 'max.message.bytes': '1000' } });
    await withProducer([topic], async (producer) => {
      await expect(producer.send(record(topic, 'x'.repeat(2_000)))).rejects.toMatchObject({
        code: 'CLICKSTREAM_KAFKA_SEND_FAILED',
        message: expect.stringMatching(/^not acknowledged: .*larger/) as unknown,
      });
      expect(await producer.send(record(topic, 'fits'))).toMatchObject({ status: 'delivered', offset: 0n });
    });
    expect((await readAll(brokers, topic))[0]?.map(({ value }) => value)).toEqual(['fits']);
  });
});

describe('a batch', () => {
  const write = async (
    options: Partial<RecordProducerOptions>,
    values: readonly string[],
    partitions = 1,
  ): Promise<number[][]> => {
    const topic = await createTestTopic(brokers, 'batches', { partitions });
    await withProducer(
      [topic],
      async (producer) => {
        for (const value of values) producer.write(record(topic, value), () => undefined);
        await producer.flush();
      },
      options,
    );
    const sizes = (await readAll(brokers, topic)).map((log) =>
      [...Map.groupBy(log, ({ batch }) => batch).values()].map(({ length }) => length),
    );
    return sizes;
  };
  const ten = new Array<string>(10).fill('x'.repeat(100));

  it('takes all records that are written while it lingers', async () => {
    const topic = await createTestTopic(brokers, 'linger');
    await withProducer(
      [topic],
      async (producer) => {
        const sent = ['a', 'b'].map((value) => producer.send(record(topic, value)));
        await new Promise(setImmediate);
        sent.push(producer.send(record(topic, 'c')));
        const reports = await Promise.all(sent);
        expect(reports.map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
        // It lingers from the first record on.
        expect(reports[0]?.latencyMs).toBeGreaterThanOrEqual(99);
      },
      { lingerMs: 100 },
    );
    expect(new Set((await readAll(brokers, topic))[0]?.map(({ batch }) => batch))).toEqual(new Set([0n]));
  });

  it('holds at most so many records', async () => {
    expect(await write({ maxBatchRecords: 4 }, ten)).toEqual([[4, 4, 2]]);
  });

  it('holds at most so many bytes of a partition', async () => {
    expect(await write({ maxBatchBytes: 420 }, ten)).toEqual([[3, 3, 3, 1]]);
    expect(await write({ maxBatchBytes: 420 }, ten, 2)).toEqual([
      [3, 2],
      [3, 2],
    ]);
  });

  it('does not wait when it need not', async () => {
    expect((await write({ lingerMs: 60_000, maxBatchRecords: 10 }, ten))[0]).toEqual([10]);
    expect((await write({ lingerMs: 60_000 }, ten))[0]).toEqual([10]); // because of flush
  });
});

describe('a producer', () => {
  it('writes null and empty keys and values, and repeated headers', async () => {
    const topic = await createTestTopic(brokers, 'contents');
    await withProducer([topic], async (producer) => {
      producer.write({ topic, key: null, value: null }, () => undefined);
      producer.write({ topic, key: Buffer.alloc(0), value: Buffer.alloc(0) }, () => undefined);
      const headers = { a: ['1', Buffer.from('2')], b: 'three', empty: '' };
      await producer.send({ topic, key: Buffer.from('ключ'), value: Buffer.from('v'), headers });
    });
    expect((await readAll(brokers, topic))[0]).toMatchObject([
      { key: null, value: null, headers: [] },
      { key: '', value: '', headers: [] },
      {
        key: 'ключ',
        value: 'v',
        headers: [
          ['a', '1'],
          ['a', '2'],
          ['b', 'three'],
          ['empty', ''],
        ],
      },
    ]);
  });

  it.each<[string, Partial<RecordProducerOptions>]>([
    ['records', { maxBufferedRecords: 10 }],
    ['bytes', { maxBufferedBytes: 1_300 }],
  ])('tells when its buffer is full of %s, and when it has room again', async (_, limits) => {
    const topic = await createTestTopic(brokers, 'back-pressure');
    await withProducer(
      [topic],
      async (producer) => {
        await producer.whenWritable();
        let delivered = 0;
        for (let index = 0; index < 100; index++) {
          const hasRoom = producer.write(record(topic, 'x'.repeat(100)), ({ status }) => {
            if (status === 'delivered') delivered++;
          });
          expect(hasRoom).toBe(index % 10 !== 9);
          if (!hasRoom) {
            expect(delivered).toBe(index - 9);
            await producer.whenWritable();
            // Room comes from what was delivered, and here all of it goes in one batch.
            expect(delivered).toBe(index + 1);
          }
        }
      },
      limits,
    );
  });

  it('flushes at once when there is nothing to flush', async () => {
    const topic = await createTestTopic(brokers, 'nothing');
    await withProducer([topic], async (producer) => {
      await producer.flush();
    });
  });

  it('delivers what it has taken before it closes, and takes nothing afterwards', async () => {
    const topic = await createTestTopic(brokers, 'closing');
    const producer = await createRecordProducer([topic], { ...testConnection(brokers), lingerMs: 60_000 });
    const sent = producer.send(record(topic, 'last'));
    await producer.close();
    expect(await sent).toMatchObject({ status: 'delivered', offset: 0n });
    const closed = { code: 'CLICKSTREAM_KAFKA_CLOSED' };
    expect(() => producer.write(record(topic, 'late'), () => undefined)).toThrow(
      expect.objectContaining(closed) as Error,
    );
    await expect(producer.send(record(topic, 'late'))).rejects.toMatchObject(closed);
    await producer.close();
  });

  it('refuses a topic that does not exist, and one that it was not made for', async () => {
    const missing = `missing-${randomUUID()}`;
    await expect(createRecordProducer([missing], testConnection(brokers))).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_TOPIC_MISSING',
      message: expect.stringContaining(missing) as unknown,
    });
    const topic = await createTestTopic(brokers, 'made-for');
    await withProducer([topic], async (producer) => {
      await expect(producer.send(record(missing, 'v'))).rejects.toMatchObject({
        code: 'CLICKSTREAM_KAFKA_TOPIC_MISSING',
        topic: missing,
      });
    });
  });
});
