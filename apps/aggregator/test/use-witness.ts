import { startWitness, type Witness } from '@clickstream/test-harness';
import { afterAll, beforeAll, inject } from 'vitest';

/** Starts the witness of a test file before its tests, and ends it after them. */
export function useWitness(): Pick<Witness, 'topicPrefix' | 'totals'> {
  let witness: Witness;
  beforeAll(async () => {
    witness = await startWitness(inject('kafkaBrokers'));
  });
  afterAll(() => witness.stop());
  return {
    get topicPrefix() {
      return witness.topicPrefix;
    },
    totals: (userPrefix, answer) => witness.totals(userPrefix, answer),
  };
}
