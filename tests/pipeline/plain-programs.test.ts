import { runTool, spawnTool } from '@clickstream/local-kafka';
import { assertVerified } from '@clickstream/test-harness';
import { expect, test } from 'vitest';
import { startApp } from './app-process.ts';
import { pipelineEnvironment } from './pipeline-environment.ts';

test('plain programs work at both ends of a topic with one partition', async () => {
  const environment = { ...pipelineEnvironment(), TOPIC_PARTITIONS: '1', RESULT_FORMAT: 'sentence' };
  const brokers = environment.KAFKA_BROKERS;
  const aggregator = startApp('aggregator', [], environment);
  await aggregator.waitForLine((line) => line.startsWith('ready'));

  const input = Array.from(
    { length: 17 },
    (_, n) => `User 42 clicked on /page${n % 10} at 1711111111.${100 + n}\n`,
  ).join('');
  const produced = await runTool('kafka-console-producer', ['--topic', environment.CLICKSTREAM_TOPIC], {
    brokers,
    input,
  });
  expect(produced.exitCode).toBe(0);

  const consumer = await spawnTool(
    'kafka-console-consumer',
    [
      '--topic',
      environment.USER_CLICK_AGGREGATION_TOPIC,
      '--from-beginning',
      '--isolation-level',
      'read_committed',
    ],
    { brokers },
  );
  const printed: string[] = [];
  for await (const line of consumer.lines) {
    printed.push(line);
    // The lines end with the tool.
    if (line === 'User 42 has clicked 17 times.') void consumer.stop();
  }
  expect(printed.at(-1)).toBe('User 42 has clicked 17 times.');
  expect(await aggregator.stop()).toBe(0);
  await assertVerified({ environment });
});
