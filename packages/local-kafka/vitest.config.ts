import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

export default mergeConfig(base, {
  // A broker takes 3 s to start and a JVM tool 1 s; the rest is for machines that are busy with something else.
  test: { name: 'local-kafka', globalSetup: ['@clickstream/local-kafka/vitest'], testTimeout: 120_000 },
});
