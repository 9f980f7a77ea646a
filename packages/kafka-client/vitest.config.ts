import type {} from '@clickstream/local-kafka/vitest';
import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

export default mergeConfig(base, {
  test: {
    name: 'kafka-client',
    globalSetup: ['@clickstream/local-kafka/vitest'],
    // Most files wait for brokers that start, stop or do not answer, whatever the number of cores.
    maxWorkers: 3,
  },
});
