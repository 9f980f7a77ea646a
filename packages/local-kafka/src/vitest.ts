import type { TestProject } from 'vitest/node';
import { startBroker } from './start-broker.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Bootstrap list of the broker that this test run may use: `inject('kafkaBrokers')`. */
    kafkaBrokers: string;
  }
}

/**
 * Global set-up of a package's tests: one broker for the run, or the cluster in TEST_KAFKA_BROKERS. An inherited
 * KAFKA_BROKERS is ignored, so that no test ever writes to somebody's cluster.
 * @returns the tear-down that vitest calls.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (brokers) {
    project.provide('kafkaBrokers', brokers);
    return () => Promise.resolve();
  }
  const broker = await startBroker();
  project.provide('kafkaBrokers', broker.brokers);
  return async () => {
    await broker.stop();
  };
}
