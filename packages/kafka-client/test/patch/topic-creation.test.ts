import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { API_KEY, startKafkaProxy } from '@clickstream/local-kafka';
import { quietClient } from './quiet-client.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');
const UNKNOWN_TOPIC_OR_PARTITION = 3;

describe('creating a topic', () => {
  it('waits until the broker that is asked for its leaders has heard of it', async () => {
    const create = async (kafkajsPackage: KafkajsPackage) => {
      const topic = `created-${randomUUID()}`;
      let denied = false;
      const proxy = await startKafkaProxy(brokers, {
        onResponse: ({ apiKey, bytes }) => {
          const nameAt = bytes.indexOf(topic);
          if (apiKey !== API_KEY.metadata || nameAt === -1 || denied) return 'forward';
          denied = true;
          // Error code and length of the name stand before it.
          bytes.writeInt16BE(UNKNOWN_TOPIC_OR_PARTITION, nameAt - 4);
          return { bytes };
        },
      });
      const admin = quietClient(kafkajsPackage, brokers, { socketFactory: proxy.socketFactory }).admin();
      await admin.connect();
      try {
        return await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] });
      } catch (error) {
        return error;
      } finally {
        expect(denied).toBe(true);
        await admin.disconnect();
        await proxy.close();
      }
    };

    expect(await create(patched)).toBe(true);
    expect(await create(unpatched)).toMatchObject({ type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  });
});
