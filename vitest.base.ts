import { defineConfig } from 'vitest/config';

/** What every package's vitest.config.ts shares: sources are tested directly, never an old build. */
export default defineConfig({
  resolve: { conditions: ['@clickstream/source'] },
  ssr: { resolve: { conditions: ['@clickstream/source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // Patience for a busy machine; it costs nothing where all is well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The default is a second.
    expect: { poll: { timeout: 30_000 } },
    // A busy CI machine may miss a deadline of a test once; where a single miss may be a wrong count, see aggregator.
    retry: process.env['CI'] === undefined ? 0 : 1,
    reporters: ['default', ['json', { outputFile: 'test-results/results.json' }]],
  },
});
