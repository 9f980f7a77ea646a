import { createServer, type AddressInfo } from 'node:net';
import { execa } from 'execa';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A port that takes connections and never answers. */
async function silentPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test.for([
  ['nobody listens', () => Promise.resolve(1)],
  ['somebody listens and never answers', silentPort],
] as const)('stops at once, with exit code 0, while it waits for a broker where %s', async ([, port]) => {
  const aggregator = execa(process.execPath, ['--conditions=@clickstream/source', main], {
    cwd: tmpdir(),
    env: { KAFKA_BROKERS: `127.0.0.1:${await port()}`, LOG_LEVEL: 'debug' },
    reject: false,
    buffer: false,
  });
  // The first thing it tells, at this level, is about the connection it tries.
  await new Promise((resolve) => aggregator.stderr.once('data', resolve));
  const toldAt = performance.now();
  aggregator.kill('SIGTERM');
  expect((await aggregator).exitCode).toBe(0);
  expect(performance.now() - toldAt).toBeLessThan(5_000);
});
