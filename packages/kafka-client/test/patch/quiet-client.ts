import type { Kafka, KafkaConfig } from '#kafkajs';
import type { KafkajsPackage } from './unpatched-kafkajs.ts';

/** A client of the given kafkajs that logs nothing and retries quickly. */
export function quietClient(
  { kafkajs }: KafkajsPackage,
  brokers: string,
  config: Omit<Partial<KafkaConfig>, 'brokers'> = {},
): Kafka {
  return new kafkajs.Kafka({
    clientId: 'patch-test',
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 30, maxRetryTime: 500, retries: 8 },
    ...config,
  });
}
