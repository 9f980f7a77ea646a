import { spawnTool } from '@clickstream/local-kafka';

/** How long to look for records beyond the expected ones, in ms. */
const SILENCE_MS = 1_000;
/** A JVM on a busy machine takes its time, in ms. */
const DEADLINE_MS = 100_000;

/**
 * The values of all committed records of the topics whose names begin with `prefix`, partition by partition in offset
 * order, read by the broker's own Java consumer. kafkajs is what is under test, so that it cannot be the witness.
 *
 * @param expected number of records after which only surplus ones are waited for.
 */
export async function readWithJava(brokers: string, prefix: string, expected: number): Promise<string[]> {
  const consumer = await spawnTool(
    'kafka-console-consumer',
    ['--include', `${prefix}.*`, '--from-beginning', '--isolation-level', 'read_committed'],
    { brokers },
  );
  const stop = () => void consumer.stop();
  let timer = setTimeout(stop, DEADLINE_MS);
  const values: string[] = [];
  for await (const line of consumer.lines) {
    values.push(line);
    if (values.length < expected) continue;
    clearTimeout(timer);
    timer = setTimeout(stop, SILENCE_MS);
  }
  clearTimeout(timer);
  return values;
}
