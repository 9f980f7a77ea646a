import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

export default mergeConfig(base, {
  test: {
    name: 'results-consumer',
    globalSetup: ['@clickstream/local-kafka/vitest'],
  },
});
