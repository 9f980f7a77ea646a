import {
  createTestTopics as createTopics,
  type AtEnd,
  type TestTopics,
  type Witness,
} from '@clickstream/test-harness';
import { inject } from 'vitest';

/** Creates the topics of a test on the broker of the run, for the witness of the file. */
export function createTestTopics(
  witness: Pick<Witness, 'topicPrefix'>,
  atEnd: AtEnd,
  options: { readonly partitions?: number } = {},
): Promise<TestTopics> {
  return createTopics({
    brokers: inject('kafkaBrokers'),
    totalsPrefix: witness.topicPrefix,
    atEnd,
    ...options,
  });
}
