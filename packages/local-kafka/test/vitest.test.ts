import { expect, inject, test } from 'vitest';
import { runTool } from '../src/index.ts';

test('gives the tests of a package a broker of their own', async () => {
  const brokers = inject('kafkaBrokers');
  const { stdout, exitCode } = await runTool('kafka-broker-api-versions', [], { brokers });
  expect(exitCode).toBe(0);
  expect(stdout).toContain(brokers);
});
