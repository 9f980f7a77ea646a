import {
  API_KEY,
  findFreePort,
  listenerConfig,
  startBroker,
  startKafkaProxy,
  type Broker,
  type KafkaProxy,
} from '@clickstream/local-kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDeadLetterTopics } from './dead-letters.ts';
import { lineOf } from './run-producer.ts';

/** Six fill a transaction, so that there are three of them; the other reasons have one with offsets only. */
const LETTERS = 18;
const VALUE_BYTES = 700 * 1024;

let broker: Broker;
let proxy: KafkaProxy;
/** Brokers as clients behind the proxy name them. */
let proxied: string;

beforeAll(async () => {
  const [port, proxiedPort] = [await findFreePort(), await findFreePort()];
  proxy = await startKafkaProxy(`127.0.0.1:${proxiedPort}`);
  const listener = { name: 'PROXIED', protocol: 'PLAINTEXT', port: proxiedPort } as const;
  broker = await startBroker({
    port,
    config: await listenerConfig(port, [{ ...listener, advertisedPort: proxy.port }]),
  });
  proxied = `127.0.0.1:${proxy.port}`;
});
afterAll(async () => {
  await broker.stop();
  await proxy.close();
});

async function createLetters() {
  const topics = await createDeadLetterTopics(broker.brokers, 2);
  await topics.write(
    ...Array.from({ length: LETTERS }, (_, index) => ({
      reason: 'malformed' as const,
      partition: index % 2,
      key: Buffer.from(String(index)),
      value: Buffer.alloc(VALUE_BYTES, index),
    })),
  );
  const sent = async () => (await topics.read()).map(({ key }) => Number(key)).toSorted((a, b) => a - b);
  return { topics, sent };
}
const EACH_ONCE = Array.from({ length: LETTERS }, (_, index) => index);

/**
 * The requests of a transaction in their order: before one is after the one before it. Of the second transaction, which
 * has one before it and one after it.
 */
const KILLS = [
  ['before', 'initProducerId', 1],
  ['before', 'addPartitionsToTxn', 2],
  ['before', 'produce', 2],
  ['before', 'addOffsetsToTxn', 2],
  ['before', 'txnOffsetCommit', 2],
  ['before', 'endTxn', 2],
  ['after', 'endTxn', 2],
] as const;

describe('a replay of dead letters that is killed', { timeout: 240_000 }, () => {
  test.each(KILLS)(
    '%s the broker gets %s has sent each click once after the next run',
    async (when, request, which) => {
      const { topics, sent } = await createLetters();
      const replay = topics.replayVia(proxied);
      let occurrence = 0;
      const stop = proxy.intercept(when === 'before' ? 'request' : 'response', ({ apiKey }) => {
        if (apiKey !== API_KEY[request] || ++occurrence !== which) return undefined;
        replay.kill('SIGKILL');
        return 'drop';
      });
      expect(await replay).toMatchObject({ signal: 'SIGKILL' });
      stop();
      const { stdout, exitCode } = await topics.replay();
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^summary: sent [1-9]\d*, .* failed 0, /m);
      expect(await sent()).toEqual(EACH_ONCE);
      expect((await topics.replay()).stdout).toMatch(/^summary: sent 0, /);
    },
  );

  test('while its commit is on the way, which arrives after the next run has begun, has sent each click once', async () => {
    const { topics, sent } = await createLetters();
    const replay = topics.replayVia(proxied);
    const held = await proxy.hold(({ apiKey }) => apiKey === API_KEY.endTxn);
    replay.kill('SIGKILL');
    await replay;
    const next = topics.replay();
    await lineOf(next.stderr, /^ready/);
    await held.deliver();
    expect((await next).exitCode).toBe(0);
    expect(await sent()).toEqual(EACH_ONCE);
  });
});

describe('two replays of dead letters at once', { timeout: 240_000 }, () => {
  test('end the older one with a line that says so, and send each click once', async () => {
    const { topics, sent } = await createLetters();
    const older = topics.replayVia(proxied, '--reason', 'malformed');
    const held = await proxy.hold(({ apiKey }) => apiKey === API_KEY.addOffsetsToTxn);
    const newer = await topics.replay('--reason', 'malformed');
    expect(newer.exitCode).toBe(0);
    expect(newer.stdout).toMatch(/^summary: sent 18, acknowledged 18, /m);
    await held.deliver();
    const { stdout, stderr, exitCode } = await older;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^summary: sent \d, acknowledged 0, failed \d, /m);
    expect(stderr).toMatch(/^another replay of malformed dead letters has taken over/m);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await sent()).toEqual(EACH_ONCE);
  });
});

describe('a replay of dead letters that is told to stop', { timeout: 240_000 }, () => {
  test('ends with the transaction that is open, and the next run sends the rest', async () => {
    const { topics, sent } = await createLetters();
    const replay = topics.replayVia(proxied);
    const held = await proxy.hold(({ apiKey }) => apiKey === API_KEY.addOffsetsToTxn);
    replay.kill('SIGINT');
    await held.deliver();
    const { stdout, exitCode } = await replay;
    expect(exitCode).toBe(0);
    const [, acknowledged] = /^summary: sent \d+, acknowledged (\d+), failed 0, /m.exec(stdout) ?? [];
    expect(Number(acknowledged)).toBeGreaterThan(0);
    expect(Number(acknowledged)).toBeLessThan(LETTERS);
    expect(await sent()).toHaveLength(Number(acknowledged));
    expect((await topics.replay()).exitCode).toBe(0);
    expect(await sent()).toEqual(EACH_ONCE);
  });
});

test(
  'a broker that dies under a replay of dead letters costs no click, and none comes twice',
  { timeout: 120_000 },
  async () => {
    const { topics, sent } = await createLetters();
    const replay = topics.replayVia(proxied);
    await proxy.hold(({ apiKey }) => apiKey === API_KEY.endTxn);
    await broker.kill();
    proxy.reset();
    const { stdout, stderr, exitCode } = await replay;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^summary: sent \d, acknowledged 0, failed \d, /m);
    expect(stderr).toMatch(/run it again once Kafka answers: nothing is sent twice$/m);
    await broker.restart();
    expect((await topics.replay()).exitCode).toBe(0);
    expect(await sent()).toEqual(EACH_ONCE);
  },
);
