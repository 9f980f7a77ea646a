import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

export default mergeConfig(base, {
  test: {
    name: 'results-consumer',
    globalSetup: ['@clickstream/local-kafka/vitest'],
    // A browser on a busy machine takes longer than the second that is the default.
    expect: { poll: { timeout: 10_000 } },
  },
});
