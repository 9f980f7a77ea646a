import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { API_KEY, startKafkaProxy } from '@clickstream/local-kafka';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');
const HOUR_MS = 3_600_000;
const HEARTBEAT_INTERVAL_MS = 100;
const SILENCE_MS = 5_000;

function stepClock(ms: number): void {
  vi.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() + ms);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a clock that is set', () => {
  it('back does not end the heartbeats of a group', async () => {
    const topic = await createTestTopic(brokers, 'clock');
    const beatsAfterwards = async (kafkajsPackage: KafkajsPackage) => {
      const consumer = quietClient(kafkajsPackage, brokers).consumer({
        groupId: randomUUID(),
        heartbeatInterval: HEARTBEAT_INTERVAL_MS,
        maxWaitTimeInMs: HEARTBEAT_INTERVAL_MS,
      });
      const nextBeat = () =>
        new Promise<true>((resolve) => {
          consumer.on(consumer.events.HEARTBEAT, () => {
            resolve(true);
          });
        });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic] });
      const first = nextBeat();
      await consumer.run({ eachMessage: () => Promise.resolve() });
      await first;
      stepClock(-24 * HOUR_MS);
      let silence: NodeJS.Timeout | undefined;
      try {
        return await Promise.race([
          nextBeat(),
          new Promise<false>((resolve) => (silence = setTimeout(resolve, SILENCE_MS, false))),
        ]);
      } finally {
        clearTimeout(silence);
        vi.restoreAllMocks();
        await consumer.disconnect();
      }
    };

    expect(await beatsAfterwards(patched)).toBe(true);
    expect(await beatsAfterwards(unpatched)).toBe(false);
  });

  it('forward does not time out the requests that are under way', async () => {
    const listTopics = async (kafkajsPackage: KafkajsPackage) => {
      let isArmed = false;
      const proxy = await startKafkaProxy(brokers, {
        onResponse: async ({ apiKey }) => {
          if (apiKey !== API_KEY.metadata || !isArmed) return undefined;
          stepClock(2 * HOUR_MS);
          // As long as kafkajs takes to look for what has timed out.
          await new Promise((resolve) => setTimeout(resolve, 500));
          return undefined;
        },
      });
      const admin = quietClient(kafkajsPackage, brokers, {
        socketFactory: proxy.socketFactory,
        retry: { retries: 0 },
      }).admin();
      await admin.connect();
      isArmed = true;
      try {
        await admin.listTopics();
        return 'answered';
      } catch (error) {
        return error;
      } finally {
        vi.restoreAllMocks();
        await admin.disconnect();
        await proxy.close();
      }
    };

    expect(await listTopics(patched)).toBe('answered');
    expect(String(await listTopics(unpatched))).toMatch(/timed out/);
  });
});
