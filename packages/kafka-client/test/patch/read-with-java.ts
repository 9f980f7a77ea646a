import { runTool } from '@clickstream/local-kafka';

/** What the console consumer waits for a next record before it takes the end as reached, in ms. */
const SILENCE_MS = 2_000;

/**
 * The values of all committed records of the topics whose names begin with `prefix`, partition by partition in offset
 * order, read by the broker's own Java consumer.
 * kafkajs is what is under test, so that it cannot be the witness.
 */
export async function readWithJava(brokers: string, prefix: string): Promise<string[]> {
  const { stdout, stderr, exitCode } = await runTool(
    'kafka-console-consumer',
    [
      ...['--include', `${prefix}.*`, '--from-beginning', '--isolation-level', 'read_committed'],
      ...['--timeout-ms', String(SILENCE_MS)],
    ],
    { brokers },
  );
  if (!stderr.includes('Processed a total of'))
    throw new Error(`console consumer: exit ${exitCode}\n${stderr}`);
  return stdout === '' ? [] : stdout.split('\n');
}
