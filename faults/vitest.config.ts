import { mergeConfig } from 'vitest/config';
import base from '../vitest.base.ts';

export default mergeConfig(base, {
  test: {
    name: 'faults',
    testTimeout: 300_000,
    // What is to be exact is exact each time.
    retry: 0,
  },
});
