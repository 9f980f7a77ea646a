import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { readGivenBrokers } from '../src/given-brokers.ts';
import { temporaryFolder } from './command-line.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each([
  { environment: 'kafka:1', dotEnv: 'KAFKA_BROKERS=kafka:2', brokers: 'kafka:1' },
  { environment: '', dotEnv: 'KAFKA_BROKERS=kafka:2', brokers: 'kafka:2' },
  { environment: '', dotEnv: 'KAFKA_BROKERS=', brokers: undefined },
  { environment: '', dotEnv: '', brokers: undefined },
])(
  'with KAFKA_BROKERS "$environment" and .env "$dotEnv" it is $brokers',
  ({ environment, dotEnv, brokers }) => {
    const workspaceRoot = temporaryFolder();
    writeFileSync(join(workspaceRoot, '.env'), dotEnv);
    vi.stubEnv('KAFKA_BROKERS', environment);
    expect(readGivenBrokers(workspaceRoot)).toBe(brokers);
  },
);

test('without either, nothing is given', () => {
  vi.stubEnv('KAFKA_BROKERS', undefined);
  expect(readGivenBrokers(temporaryFolder())).toBeUndefined();
});
