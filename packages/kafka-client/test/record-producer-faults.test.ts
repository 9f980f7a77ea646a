import {
  API_KEY,
  findFreePort,
  listenerConfig,
  startBroker,
  startKafkaProxy,
  type Broker,
  type KafkaProxy,
  type ProxyAction,
} from '@clickstream/local-kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureTopics } from '../src/ensure-topics.ts';
import { createRecordProducer, type DeliveryReport } from '../src/record-producer.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { readAll } from './read-all.ts';
import { testConnection } from './test-connection.ts';

let broker: Broker;
let proxy: KafkaProxy;
/** What the proxy does to a response. */
let onResponse: (apiKey: number) => ProxyAction = () => 'forward';

beforeAll(async () => {
  const [port, proxiedPort] = [await findFreePort(), await findFreePort()];
  proxy = await startKafkaProxy(`127.0.0.1:${proxiedPort}`, {
    onResponse: ({ apiKey }) => onResponse(apiKey),
  });
  const proxied = { name: 'PROXIED', protocol: 'PLAINTEXT', port: proxiedPort } as const;
  broker = await startBroker({
    port,
    config: await listenerConfig(port, [{ ...proxied, advertisedPort: proxy.port }]),
  });
});
afterAll(async () => {
  await broker.stop();
  await proxy.close();
});

const value = (index: number) => ({ key: null, value: Buffer.from(String(index)) });

/** Every report, by the number that the record carries. */
class Reports {
  readonly all: DeliveryReport[][] = [];
  readonly #waiting: { count: number; resolve: () => void }[] = [];
  #count = 0;

  on(index: number): (report: DeliveryReport) => void {
    this.all[index] = [];
    return (report) => {
      this.all[index]?.push(report);
      this.#count++;
      for (const { count, resolve } of this.#waiting) if (this.#count >= count) resolve();
    };
  }

  reached(count: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}

describe('a broker killed while records are written', { timeout: 240_000 }, () => {
  it('leaves each record reported once, no acknowledged one lost or doubled, and the producer usable', async () => {
    const topic = await createTestTopic(broker.brokers, 'killed', { partitions: 2 });
    const producer = await createRecordProducer([topic], {
      ...testConnection(broker.brokers),
      maxBatchRecords: 50,
      maxBufferedRecords: 200,
    });
    const reports = new Reports();
    const total = 3_000;
    const killing = reports.reached(500).then(async () => {
      await broker.kill();
      await broker.restart();
    });
    for (let index = 0; index < total; index++)
      if (!producer.write({ topic, ...value(index) }, reports.on(index))) await producer.whenWritable();
    await producer.flush();
    await killing;
    const after = await producer.send({ topic, ...value(total), partition: 0 });
    await producer.close();

    const logs = await readAll(broker.brokers, topic);
    expect(logs[0]?.at(-1)).toMatchObject({ value: String(total), offset: after.offset });
    expect(reports.all).toHaveLength(total);
    expect(reports.all.filter(({ length }) => length !== 1)).toEqual([]);
    const copies = Map.groupBy(logs.flat(), (record) => record.value);
    for (const [index, [report]] of reports.all.entries()) {
      const logged = copies.get(String(index)) ?? [];
      if (report?.status === 'delivered') {
        expect(logged).toHaveLength(1);
        expect(logs[report.partition]?.find(({ offset }) => offset === report.offset)?.value).toBe(
          String(index),
        );
      } else {
        expect(report?.error.code).toBe('CLICKSTREAM_KAFKA_SEND_FAILED');
        expect(logged.length).toBeLessThanOrEqual(1);
      }
    }
  });
});

describe('a lost response', () => {
  it('neither loses nor doubles nor reorders what is acknowledged', async () => {
    const topic = await createTestTopic(broker.brokers, 'lost-response', { partitions: 2 });
    const producer = await createRecordProducer([topic], {
      ...testConnection(`127.0.0.1:${proxy.port}`),
      maxBatchRecords: 10,
    });
    let responses = 0;
    let lost = 0;
    onResponse = (apiKey) => {
      if (apiKey !== API_KEY.produce || responses++ % 4 !== 1) return 'forward';
      lost++;
      return 'reset';
    };
    const sent = Array.from({ length: 100 }, (_, index) => producer.send({ topic, ...value(index) }));
    const reports = await Promise.all(sent);
    onResponse = () => 'forward';
    await producer.close();

    expect(lost).toBeGreaterThan(1);
    const logs = await readAll(broker.brokers, topic);
    for (const [index, { partition, offset }] of reports.entries())
      expect(logs[partition]?.[Number(offset)]).toMatchObject({ offset, value: String(index) });
    expect(logs.map(({ length }) => length)).toEqual([50, 50]);
  });
});

describe('a connection lost while topics are looked at', () => {
  it('is told of in one line', async () => {
    let answers = 0;
    onResponse = (apiKey) => (apiKey === API_KEY.metadata && ++answers > 2 ? 'reset' : 'forward');
    const { connection, log } = testConnection(`127.0.0.1:${proxy.port}`);
    const topics = [{ name: 'looked-at', config: {} }] as const;
    await expect(ensureTopics({ connection, log, topics, partitions: 1 })).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_UNREACHABLE',
      message: expect.stringMatching(/^cannot reach Kafka [^\n]*$/) as unknown,
    });
    onResponse = () => 'forward';
  });
});

describe('closing while the broker does not answer', () => {
  it('keeps to its deadline and reports every record as failed, once', async () => {
    const topic = await createTestTopic(broker.brokers, 'paused');
    const producer = await createRecordProducer([topic], {
      ...testConnection(broker.brokers),
      maxBatchRecords: 10,
    });
    await producer.send({ topic, ...value(0) });
    const reports = new Reports();
    broker.pause();
    try {
      for (let index = 0; index < 35; index++) producer.write({ topic, ...value(index) }, reports.on(index));
      const flushing = producer.flush();
      const startedAt = performance.now();
      await producer.close(500);
      expect(performance.now() - startedAt).toBeLessThan(8_000);
      expect(reports.all.map((each) => each.map(({ status }) => status))).toEqual(
        new Array(35).fill(['failed']),
      );
      await flushing;
    } finally {
      broker.resume();
    }
    // The answers that were under way when it closed change nothing any more.
    const [log] = await readAll(broker.brokers, topic);
    expect(log?.length).toBeLessThanOrEqual(11);
    expect(reports.all.filter(({ length }) => length !== 1)).toEqual([]);
  });
});
