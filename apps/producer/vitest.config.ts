import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

export default mergeConfig(base, {
  test: {
    name: 'producer',
    globalSetup: ['@clickstream/local-kafka/vitest'],
    // The slow files wait for time-outs, whatever the number of cores.
    maxWorkers: 3,
  },
});
