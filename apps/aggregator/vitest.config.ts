import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

export default mergeConfig(base, {
  test: {
    name: 'aggregator',
    globalSetup: ['@clickstream/local-kafka/vitest'],
    // What is to be exact is exact each time. A deadline is patience: it costs nothing, and no busy machine is to miss it.
    retry: 0,
    testTimeout: 240_000,
  },
});
