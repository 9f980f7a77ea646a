import type {} from '@clickstream/local-kafka/vitest';
import { mergeConfig } from 'vitest/config';
import base from '../vitest.base.ts';

export default mergeConfig(base, {
  test: { name: 'tests', include: ['**/*.test.ts'], globalSetup: ['@clickstream/local-kafka/vitest'] },
});
