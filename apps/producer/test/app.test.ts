import { describe, expect, test } from 'vitest';
import { lineOf, runApp, runProducer, uniqueTopic } from './run-producer.ts';

const nowhere = () => ({ brokers: 'localhost:1', topic: uniqueTopic() });

describe('a wrong command line', () => {
  test.each([
    ['an unknown flag', ['simulate', '--rte', '5'], "error: unknown option '--rte' (Did you mean --rate?)"],
    ['a hostile flag', ['simulate', '--x\u001b[31m'], "error: unknown option '--x\\x1b[31m'"],
    ['an unknown command', ['simulat'], "error: unexpected argument 'simulat' (commands: simulate, replay)"],
    ['a negative rate', ['--rate', '-5'], 'It must be a number from 0.001 to 1000000, or max.'],
    ['a rate that is no number', ['--rate', 'fast'], 'It must be a number from 0.001 to 1000000, or max.'],
    ['no users', ['--users', '0'], 'It must be a whole number from 1 to 10000000.'],
    ['half a page', ['--pages', '1.5'], 'It must be a whole number from 1 to 10000000.'],
    ['a negative seed', ['--seed', '-1'], 'It must be a whole number from 0 to 4294967295.'],
    ['a negative skew', ['--skew', '-1'], 'It must be a number from 0 to 10.'],
    ['a count of nothing', ['--count', '0'], 'It must be a whole number from 1'],
    ['a duration without unit', ['--duration', '30'], 'It must be a time such as 500ms, 30s, 5m or 2h.'],
    ['another format', ['--format', 'xml'], 'Allowed choices are json, sentence.'],
    ['a run id with a space', ['--run-id', 'a b'], 'It must be 1 to 200 letters'],
    ['a replay of nothing', ['replay'], "error: missing required argument 'file'"],
    [
      'a replay at no speed',
      ['replay', 'x', '--speed', '0'],
      'It must be a number from 0.001 to 1000000, or max.',
    ],
  ])('%s is answered at once, with exit code 1', async (_, args, answer) => {
    const { stdout, stderr, exitCode } = await runApp(args);
    expect(stderr).toContain(answer);
    expect(stderr).toMatch(/^.+\n$/);
    expect(stdout).toBe('');
    expect(exitCode).toBe(1);
  });

  test('ends the process with exit code 1', async () => {
    const { stderr, exitCode } = await runProducer(nowhere(), ['--rate', '-5']);
    expect(stderr).toMatch(/^error: option '--rate <clicks>' argument '-5' is invalid\. .+$/);
    expect(exitCode).toBe(1);
  });
});

test('names every wrong variable at once', async () => {
  const environment = { KAFKA_BROKERS: 'nonsense', TOPIC_PARTITIONS: '0', CLICKSTREAM_TOPIC: 'a b' };
  await expect(runApp([], environment)).rejects.toMatchObject({
    code: 'CLICKSTREAM_KAFKA_CONFIGURATION',
    message: expect.stringMatching(
      /KAFKA_BROKERS: must .+\n {2}CLICKSTREAM_TOPIC: must .+\n {2}TOPIC_PARTITIONS: must /,
    ) as string,
  });
});

describe.concurrent('without Kafka', () => {
  test('says how to get one once it has waited, with exit code 1', async () => {
    const producer = runProducer(nowhere(), []);
    await lineOf(producer.stderr, /waiting up to 15 s for Kafka/);
    const startedAt = performance.now();
    const { stdout, stderr, exitCode } = await producer;
    expect(stderr.split('\n').at(-1)).toMatch(/^cannot reach Kafka at localhost:1: .*pnpm local-kafka start/);
    expect(stdout).toBe('');
    expect(exitCode).toBe(1);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  test('stops with exit code 0 when a signal comes while it waits for one', async () => {
    const producer = runProducer(nowhere(), []);
    await lineOf(producer.stderr, /waiting up to 15 s for Kafka/);
    producer.kill('SIGTERM');
    expect((await producer).exitCode).toBe(0);
  });
});
