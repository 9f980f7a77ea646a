import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

export default mergeConfig(base, {
  test: {
    name: 'aggregator',
    globalSetup: ['@clickstream/local-kafka/vitest'],
    // What is to be exact is exact each time.
    retry: 0,
  },
});
