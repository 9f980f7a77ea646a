import { spawnTool } from '@clickstream/local-kafka';

/** A committed record as the console consumer prints it. */
export interface PrintedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
}

/** Nothing more is awaited when nothing came for so long. */
const SILENCE_MS = 3_000;
const SENTENCE = /^User (\S+) clicked on (\S+) at (\d+(?:\.\d+)?)$/;

/**
 * Every committed record of a topic, read by the broker's own Java console consumer: our client is part of what is
 * under test. Records must have no line breaks or tabs in them.
 */
export async function printTopic(brokers: string, topic: string): Promise<PrintedRecord[]> {
  const printed = ['print.partition', 'print.offset', 'print.key'];
  const consumer = await spawnTool(
    'kafka-console-consumer',
    [
      ...['--topic', topic, '--from-beginning', '--isolation-level', 'read_committed'],
      ...['--timeout-ms', String(SILENCE_MS)],
      ...[...printed.map((name) => `${name}=true`), 'key.separator=\t'].flatMap((property) => [
        '--formatter-property',
        property,
      ]),
    ],
    { brokers },
  );
  const records: PrintedRecord[] = [];
  for await (const line of consumer.lines) {
    const [partition = '', offset = '', key = '', ...value] = line.split('\t');
    records.push({
      partition: Number(partition.replace('Partition:', '')),
      offset: Number(offset.replace('Offset:', '')),
      key,
      value: value.join('\t'),
    });
  }
  return records;
}

/** What the click topic holds. */
export interface InputCount {
  readonly records: number;
  readonly malformed: number;
  readonly clicks: ReadonlyMap<string, number>;
}

/** Counts the clicks of a topic in the simplest way there is. */
export async function countInput(brokers: string, topic: string): Promise<InputCount> {
  const clicks = new Map<string, number>();
  let malformed = 0;
  const records = await printTopic(brokers, topic);
  for (const { value } of records) {
    const userId = userOf(value);
    if (userId === undefined) malformed++;
    else clicks.set(userId, (clicks.get(userId) ?? 0) + 1);
  }
  return { records: records.length, malformed, clicks };
}

function userOf(value: string): string | undefined {
  if (!value.startsWith('{')) return SENTENCE.exec(value)?.[1];
  return (JSON.parse(value) as { userId: string }).userId;
}

/** What the result topic says. */
export interface ResultCount {
  readonly totals: ReadonlyMap<string, number>;
  /** What no order of commits explains: a total that falls, a user in two partitions, with `every` a gap. */
  readonly findings: readonly string[];
}

/** Reads the totals of a result topic. */
export async function readTotals(
  brokers: string,
  topic: string,
  emit: 'every' | 'coalesced',
): Promise<ResultCount> {
  const findings: string[] = [];
  const totals = new Map<string, number>();
  const partitions = new Map<string, number>();
  for (const { partition, offset, key, value } of await printTopic(brokers, topic)) {
    const { userId, clicks } = JSON.parse(value) as { userId: string; clicks: number };
    const before = totals.get(userId) ?? 0;
    const where = `[${partition}] @ ${offset}: the total of ${userId}`;
    if (userId !== key) findings.push(`${where} has the key ${key}`);
    if ((partitions.get(userId) ?? partition) !== partition)
      findings.push(`${where} is in partition ${String(partitions.get(userId))} as well`);
    if (clicks < before || (emit === 'every' && clicks !== before + 1))
      findings.push(`${where} is ${clicks} after ${before}`);
    partitions.set(userId, partition);
    totals.set(userId, clicks);
  }
  return { totals, findings };
}
