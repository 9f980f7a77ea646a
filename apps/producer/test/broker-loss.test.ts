import { startBroker, type Broker } from '@clickstream/local-kafka';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lineOf, runProducer, uniqueTopic } from './run-producer.ts';

const DELIVERED = /^Message delivered to \S+ \[\d\] @ \d+$/;
const FAILED = /^Message delivery to \S+ \[\d\] failed: not acknowledged: /;
const LOG_LINE = '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 12\n';

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker.stop());

test('a broker that dies costs no click in silence', async () => {
  const topics = [uniqueTopic(), uniqueTopic()] as const;
  const simulation = runProducer({ brokers: broker.brokers, topic: topics[0] }, ['simulate', '--rate', '10']);
  const replay = runProducer({ brokers: broker.brokers, topic: topics[1] }, ['replay', '-', '--report']);
  replay.stdin.write(LOG_LINE);
  await Promise.all([lineOf(simulation.stdout, DELIVERED), lineOf(replay.stdout, DELIVERED)]);

  await broker.kill();
  replay.stdin.write(LOG_LINE);
  await Promise.all([lineOf(simulation.stdout, FAILED), lineOf(replay.stdout, FAILED)]);

  // The replay ends by itself, though its standard input is still open; the simulation goes on until it is told.
  const ended = await replay;
  expect(ended.exitCode).toBe(1);
  expect(ended.stdout).toMatch(/^summary: sent 2, acknowledged 1, failed 1, malformed 0, /m);
  expect(ended.stderr).toMatch(/^replay the log again once Kafka answers: /m);

  simulation.kill('SIGTERM');
  const stopped = await simulation;
  expect(stopped.exitCode).toBe(1);
  const [sent, acknowledged, failed] =
    /^summary: sent (\d+), acknowledged (\d+), failed (\d+), /m.exec(stopped.stdout)?.slice(1).map(Number) ??
    [];
  expect(failed).toBeGreaterThan(0);
  expect(acknowledged! + failed!).toBe(sent);
  expect(stopped.stderr).toMatch(
    new RegExp(`^failed: ${failed} of ${sent} clicks; first reason: not acknowledged: `, 'm'),
  );
});
