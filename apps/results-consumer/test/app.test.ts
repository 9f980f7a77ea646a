import { createServer, type AddressInfo } from 'node:net';
import { startBroker } from '@clickstream/local-kafka';
import { describe, expect, inject, test } from 'vitest';
import { startResultsConsumer } from './results-consumer-process.ts';
import { runInProcess } from './run-in-process.ts';
import { createTestTopics, type TestTopics } from './test-topics.ts';

const brokers = inject('kafkaBrokers');
const CLOSED_PORT = '127.0.0.1:1';
const QUICKLY_MS = 5_000;

/** Topics with more results than fit into a pipe. */
async function createTopicsWithPast(atEnd: (tidyUp: () => Promise<void>) => void): Promise<TestTopics> {
  const topics = await createTestTopics(brokers, { atEnd });
  const users = Array.from({ length: 20_000 }, (_, index) => `user${index}`);
  await topics.write(...users.map((userId) => topics.total(userId, 1)));
  return topics;
}

describe('the command line', () => {
  test.each([
    [['--help'], 'Usage: results-consumer [options] [command]'],
    [['help', 'follow'], '$ results-consumer follow --user 42 --user 43 --since 5m'],
    [['follow', '--help'], 'Usage: results-consumer follow [options]'],
    [['dead-letters', '--help'], '$ results-consumer dead-letters --reason late --json | head -n 1'],
    [['clicks', '--help'], '$ results-consumer clicks --page /page3 --last 20'],
    [['top', '--help'], '$ results-consumer top --json'],
    [['serve', '--help'], 'ready: dashboard at http://localhost:3000'],
  ])('explains itself: %j', async (args, expected) => {
    const { exitCode, stdout, stderr } = await runInProcess(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(expected);
  });

  test.each([
    [['--usr', '42'], "unknown option '--usr' (Did you mean --user?)"],
    [['folow'], "unknown command 'folow': there are follow, clicks, top, serve, dead-letters, verify, help"],
    [['follow', 'me'], "too many arguments for 'follow'"],
    [['--page'], "option '--page <path>' argument missing"],
    [['--user'], "option '--user <id>' argument missing"],
    [['--user', ''], "option '--user <id>' argument '' is invalid"],
    [['clicks', '--page', ''], "option '--page <path>' argument '' is invalid"],
    [
      ['dead-letters', '--reason', 'lost'],
      'Allowed choices are malformed, unsupported-version, future, too-large, misrouted, late, missed, session-late.',
    ],
    [['dead-letters', '--reason'], "option '--reason <reason>' argument missing"],
    [['--since', '5'], 'such as 90s, 5m, 2h or 1d'],
    [['--since', '-5m'], 'such as 90s, 5m, 2h or 1d'],
    [['--last', '0'], 'a whole number from 1 to 100000'],
    [['--last', '-1'], 'a whole number from 1 to 100000'],
    [['--last', '1.5'], 'a whole number from 1 to 100000'],
    [['--last', '100001'], 'a whole number from 1 to 100000'],
    [['\u001b[2J'], "unknown command '\\x1b[2J'"],
  ])('answers %j with one line and exit code 1', async (args, expected) => {
    const { exitCode, stdout, stderr } = await runInProcess(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^error: .*\n$/);
    expect(stderr).toContain(expected);
  });
});

describe.concurrent('a process that cannot start', () => {
  const deaf = createServer(() => undefined).listen(0, '127.0.0.1');

  test.for<[string, () => Record<string, string>, string[]]>([
    [
      'no broker',
      () => ({ KAFKA_BROKERS: CLOSED_PORT }),
      [`cannot reach Kafka at ${CLOSED_PORT}: `, 'ECONNREFUSED', 'pnpm local-kafka start'],
    ],
    [
      'a port where nobody answers',
      () => ({ KAFKA_BROKERS: `127.0.0.1:${(deaf.address() as AddressInfo).port}` }),
      ['cannot reach Kafka', 'no answer', 'pnpm local-kafka start'],
    ],
    [
      'TLS to a plain port',
      () => ({ KAFKA_BROKERS: brokers, KAFKA_TLS_ENABLED: 'true' }),
      [`cannot reach Kafka at ${brokers}: `, 'Check that this port speaks TLS'],
    ],
    [
      'SASL to a plain listener',
      () => ({
        KAFKA_BROKERS: brokers,
        KAFKA_SASL_MECHANISM: 'plain',
        KAFKA_SASL_USERNAME: 'somebody',
        KAFKA_SASL_PASSWORD: 'hush-hush',
      }),
      ['refused the log-in', 'KAFKA_SASL_MECHANISM'],
    ],
    [
      'a missing CA file',
      () => ({ KAFKA_BROKERS: brokers, KAFKA_TLS_ENABLED: 'true', KAFKA_TLS_CA_FILE: '/no/such.pem' }),
      ['KAFKA_TLS_CA_FILE: "/no/such.pem" cannot be read'],
    ],
    [
      'a wrong configuration, every problem at once',
      () => ({ KAFKA_BROKERS: 'somewhere', TOPIC_PARTITIONS: '0', CLICKSTREAM_TOPIC: 'a b' }),
      ['KAFKA_BROKERS: must be', 'TOPIC_PARTITIONS: must be', 'CLICKSTREAM_TOPIC: must be'],
    ],
  ])('says so clearly and ends with exit code 1: %s', async ([, environment, texts], { onTestFinished }) => {
    const { ended } = startResultsConsumer([], environment(), onTestFinished);
    const { exitCode, stdout, stderr } = await ended;
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    for (const text of texts) expect(stderr).toContain(text);
    expect(stderr).not.toContain('hush-hush');
    // No stack.
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe.concurrent('a process that is to stop', () => {
  test.for(['SIGTERM', 'SIGINT'] as const)(
    'ends upon %s with exit code 0',
    async (signal, { onTestFinished }) => {
      const topics = await createTestTopics(brokers, { atEnd: onTestFinished });
      const follow = startResultsConsumer([], topics.environment, onTestFinished);
      await follow.ready();
      const signalledAt = performance.now();
      follow.kill(signal);
      expect((await follow.ended).exitCode).toBe(0);
      expect(performance.now() - signalledAt).toBeLessThan(QUICKLY_MS);
    },
  );

  test('ends quickly while it waits for a broker', async ({ onTestFinished }) => {
    const follow = startResultsConsumer([], { KAFKA_BROKERS: CLOSED_PORT }, onTestFinished);
    await follow.says('waiting up to 15 s for Kafka');
    const signalledAt = performance.now();
    follow.kill('SIGINT');
    const { exitCode, stderr } = await follow.ended;
    expect(exitCode).toBe(0);
    expect(stderr).not.toContain('cannot reach');
    expect(performance.now() - signalledAt).toBeLessThan(QUICKLY_MS);
  });

  test('ends quietly when nobody reads its output any more', async ({ onTestFinished }) => {
    const topics = await createTopicsWithPast(onTestFinished);
    const follow = startResultsConsumer(['--since', '1h'], topics.environment, onTestFinished);
    await follow.lines(1);
    follow.closeOutput();
    expect(await follow.ended).toMatchObject({
      exitCode: 0,
      stderr: `ready: following ${topics.totals} at ${brokers} (4 partitions)\n`,
    });
  });

  test('ends upon a signal while its output is stuck', async ({ onTestFinished }) => {
    const topics = await createTopicsWithPast(onTestFinished);
    const follow = startResultsConsumer(['--since', '1h'], topics.environment, onTestFinished);
    follow.stopReading();
    await follow.ready();
    const signalledAt = performance.now();
    follow.kill('SIGTERM');
    expect((await follow.ended).exitCode).toBe(0);
    expect(performance.now() - signalledAt).toBeLessThan(QUICKLY_MS);
  });
});

test.concurrent('goes on when the broker comes back', async ({ onTestFinished }) => {
  const broker = await startBroker();
  onTestFinished(() => broker.stop());
  const topics = await createTestTopics(broker.brokers, { atEnd: onTestFinished });
  const follow = startResultsConsumer([], topics.environment, onTestFinished);
  await follow.ready();
  await topics.write(topics.total('42', 1));
  await follow.lines(1);
  await broker.kill();
  await broker.restart();
  await topics.write(topics.total('42', 2), topics.total('43', 1));
  const lines = await follow.lines(3);
  expect(lines[0]).toBe('User 42 has clicked 1 times.');
  expect(lines.slice(1).toSorted()).toEqual(['User 42 has clicked 2 times.', 'User 43 has clicked 1 times.']);
});
