import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, vi } from 'vitest';
import type { Admin, ISocketFactory } from '#kafkajs';
import { API_KEY, startKafkaProxy, type ProxyRules } from '@clickstream/local-kafka';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');
/** Short, because the tests wait for it. */
const REQUEST_TIMEOUT_MS = 1_500;
const IDLE_MS = 300;

/** Calls `use` with an admin client whose connections go through a proxy with these rules. */
async function withAdmin<Result>(
  kafkajsPackage: KafkajsPackage,
  rules: ProxyRules,
  use: (admin: Admin, proxy: Awaited<ReturnType<typeof startKafkaProxy>>) => Promise<Result>,
): Promise<Result> {
  const proxy = await startKafkaProxy(brokers, rules);
  const admin = quietClient(kafkajsPackage, brokers, {
    socketFactory: proxy.socketFactory,
    requestTimeout: REQUEST_TIMEOUT_MS,
  }).admin();
  await admin.connect();
  try {
    return await use(admin, proxy);
  } finally {
    await admin.disconnect();
    await proxy.close();
  }
}

describe('a connection', () => {
  it('sets no timers while nothing waits to be sent', async () => {
    const timersWhileIdle = (kafkajsPackage: KafkajsPackage) =>
      withAdmin(kafkajsPackage, {}, async (admin) => {
        await admin.listTopics();
        const setTimer = vi.spyOn(globalThis, 'setTimeout');
        const { promise: idle, resolve } = Promise.withResolvers<undefined>();
        setTimeout(resolve, IDLE_MS, undefined);
        setTimer.mockClear();
        await idle;
        const timers = setTimer.mock.calls.length;
        setTimer.mockRestore();
        return timers;
      });

    expect(await timersWhileIdle(patched)).toBe(0);
    // Each with a negative delay, so one a millisecond.
    expect(await timersWhileIdle(unpatched)).toBeGreaterThan(5);
  });

  it('is given up when a request times out, so that the next attempt opens another', async () => {
    const topic = await createTestTopic(brokers, 'silent');
    const produce = async (kafkajsPackage: KafkajsPackage) => {
      // A peer that vanished: what is sent over this connection from the first produce on is never answered.
      let silent: number | undefined;
      const proxy = await startKafkaProxy(brokers, {
        onRequest: ({ apiKey, connection }) => {
          if (apiKey === API_KEY.produce) silent ??= connection;
          return connection === silent ? 'drop' : 'forward';
        },
      });
      const producer = quietClient(kafkajsPackage, brokers, {
        socketFactory: proxy.socketFactory,
        requestTimeout: REQUEST_TIMEOUT_MS,
      }).producer({ retry: { retries: 3 } });
      await producer.connect();
      try {
        return await producer.send({ topic, messages: [{ value: 'v' }] });
      } catch (error) {
        return error;
      } finally {
        await producer.disconnect();
        await proxy.close();
      }
    };

    const [ours, published] = await Promise.all([produce(patched), produce(unpatched)]);
    expect(ours).toMatchObject([{ topicName: topic, errorCode: 0 }]);
    expect(published).toMatchObject({
      name: 'KafkaJSNumberOfRetriesExceeded',
      cause: { name: 'KafkaJSRequestTimeoutError' },
    });
  });

  it('begins anew after a response that was cut short', async () => {
    const answerAfterCut = (kafkajsPackage: KafkajsPackage) => {
      let cut = false;
      return withAdmin(
        kafkajsPackage,
        {
          onResponse: ({ apiKey, bytes }) => {
            if (apiKey !== API_KEY.metadata || cut) return 'forward';
            cut = true;
            // The first bytes of a response of 1 MB.
            const begin = Buffer.from(bytes.subarray(0, 20));
            begin.writeInt32BE(1 << 20);
            return { bytes: begin, thenReset: true };
          },
        },
        async (admin) => {
          await expect(admin.listTopics()).rejects.toThrow();
          return admin.listTopics().then(
            () => 'answered',
            (error: unknown) => error,
          );
        },
      );
    };

    expect(await answerAfterCut(patched)).toBe('answered');
    // All that comes over the new connection is taken for the rest of the old response. (After a shorter one, an
    // exception outside of any promise: what follows it is taken for the size of the next.)
    expect(await answerAfterCut(unpatched)).toMatchObject({ name: 'KafkaJSRequestTimeoutError' });
  });

  it('is opened once by requests that need it at the same time', async () => {
    const socketsOpened = async ({ load, kafkajs }: KafkajsPackage) => {
      const proxy = await startKafkaProxy(brokers, {});
      const socketFactory = vi.fn<ISocketFactory>(proxy.socketFactory);
      const ConnectionPool = load('src/network/connectionPool') as new (options: object) => {
        getConnection(): Promise<unknown>;
        destroy(): Promise<void>;
      };
      const pool = new ConnectionPool({
        host: 'broker',
        port: 9092,
        connectionTimeout: 5_000,
        requestTimeout: REQUEST_TIMEOUT_MS,
        socketFactory,
        logger: new kafkajs.Kafka({ brokers: ['broker:9092'], logLevel: kafkajs.logLevel.NOTHING }).logger(),
      });
      await Promise.all([pool.getConnection(), pool.getConnection()]);
      await pool.destroy();
      await proxy.close();
      return socketFactory.mock.calls.length;
    };

    expect(await socketsOpened(patched)).toBe(1);
    expect(await socketsOpened(unpatched)).toBe(2);
  });
});

describe('a consumer that crashes', () => {
  it('says so at once, not when a dead broker has been waited for', async () => {
    const topic = await createTestTopic(brokers, 'crash');
    const producer = quietClient(patched, brokers).producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value: 'v' }] });
    await producer.disconnect();

    const isDisconnectedFirst = async (kafkajsPackage: KafkajsPackage) => {
      let dead = false;
      const silence = () => (dead ? 'drop' : 'forward');
      const proxy = await startKafkaProxy(brokers, { onRequest: silence, onResponse: silence });
      const consumer = quietClient(kafkajsPackage, brokers, {
        socketFactory: proxy.socketFactory,
        requestTimeout: REQUEST_TIMEOUT_MS,
      }).consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
      let disconnected = false;
      consumer.on(consumer.events.DISCONNECT, () => {
        disconnected = true;
      });
      const crash = new Promise<boolean>((resolve) => {
        consumer.on(consumer.events.CRASH, () => {
          resolve(disconnected);
        });
      });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        eachMessage: () => {
          dead = true;
          return Promise.reject(new TypeError('a bug in the handler'));
        },
      });
      const result = await crash;
      await consumer.disconnect();
      await proxy.close();
      return result;
    };

    expect(await isDisconnectedFirst(patched)).toBe(false);
    expect(await isDisconnectedFirst(unpatched)).toBe(true);
  });
});
