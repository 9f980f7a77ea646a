import { spawnTool } from '@clickstream/local-kafka';
import type { TestTopics } from '@clickstream/test-harness';
import { lastOffsets } from './last-offsets.ts';

/** A committed record as the console consumer prints it. */
export interface PrintedRecord {
  readonly partition: number;
  readonly offset: number;
  /** When the broker took it, ms since the epoch. */
  readonly timestampMs: number;
  readonly key: string;
  readonly value: string;
}

/** How long it is listened on for one too many. */
const SILENCE_MS = 1_000;
/** A busy machine starts a JVM in many seconds. */
const START_MS = 15_000;
/** How long it is waited for what is there and does not come. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 200;
const SENTENCE = /^User (\S+) clicked on (\S+) at (\d+(?:\.\d+)?)$/;

/**
 * Every committed record that a topic holds, read by the broker's own Java console consumer: our client is part of what is
 * under test. Records must have no line breaks or tabs in them.
 *
 * @throws Error when it does not print all there is.
 */
export async function* printTopic(
  topics: Pick<TestTopics, 'connection' | 'reader'>,
  topic: string,
): AsyncGenerator<PrintedRecord, void> {
  const missing = new Map(await lastOffsets(topics, topic));
  const printed = ['print.timestamp', 'print.partition', 'print.offset', 'print.key'];
  const consumer = await spawnTool(
    'kafka-console-consumer',
    [
      ...['--topic', topic, '--from-beginning', '--isolation-level', 'read_committed'],
      ...[...printed.map((name) => `${name}=true`), 'key.separator=\t'].flatMap((property) => [
        '--formatter-property',
        property,
      ]),
    ],
    { brokers: topics.connection.brokers.join(',') },
  );
  let lastAt = performance.now();
  let silenceMs = START_MS;
  const stopping = new AbortController();
  const watch = setInterval(() => {
    if (performance.now() - lastAt <= (missing.size === 0 ? silenceMs : PATIENCE_MS)) return;
    stopping.abort();
    void consumer.stop();
  }, LOOK_MS);
  void consumer.exited.then(() => {
    clearInterval(watch);
  });
  for await (const line of consumer.lines) {
    lastAt = performance.now();
    silenceMs = SILENCE_MS;
    const [timestamp = '', partition = '', offset = '', key = '', ...value] = line.split('\t');
    const place = {
      partition: Number(partition.replace('Partition:', '')),
      offset: Number(offset.replace('Offset:', '')),
    };
    if (place.offset >= (missing.get(place.partition) ?? Infinity)) missing.delete(place.partition);
    yield {
      ...place,
      timestampMs: Number(timestamp.replace(/^\w+:/, '')),
      key,
      value: value.join('\t'),
    };
  }
  const { stderr } = await consumer.exited;
  if (!stopping.signal.aborted) throw new Error(`kafka-console-consumer ended by itself: ${stderr}`);
  const notPrinted = [...missing].map(([partition, offset]) => `[${partition}] up to ${offset}`).join(', ');
  if (notPrinted) throw new Error(`kafka-console-consumer did not print all of ${topic}: ${notPrinted}`);
}

/** What the click topic holds. */
export interface InputCount {
  readonly records: number;
  readonly malformed: number;
  /** Records with the user and the event id of another one. */
  readonly repeated: number;
  /** The longest time between two records with the same event id, ms. */
  readonly furthestRepetitionMs: number;
  /** By user, without repetitions. */
  readonly clicks: ReadonlyMap<string, number>;
}

/** Counts the clicks of a test in the simplest way there is. */
export async function countInput(topics: TestTopics): Promise<InputCount> {
  const clicks = new Map<string, number>();
  const takenAt = new Map<string, number>();
  let [records, malformed, repeated, furthestRepetitionMs] = [0, 0, 0, 0];
  for await (const { value, timestampMs } of printTopic(topics, topics.clicks)) {
    records++;
    const click = clickOf(value);
    if (click === undefined) {
      malformed++;
      continue;
    }
    const { userId, eventId } = click;
    if (eventId !== undefined) {
      const id = `${userId} ${eventId}`;
      const before = takenAt.get(id);
      if (before !== undefined) {
        repeated++;
        furthestRepetitionMs = Math.max(furthestRepetitionMs, Math.abs(timestampMs - before));
        continue;
      }
      takenAt.set(id, timestampMs);
    }
    clicks.set(userId, (clicks.get(userId) ?? 0) + 1);
  }
  return { records, malformed, repeated, furthestRepetitionMs, clicks };
}

function clickOf(value: string): { readonly userId: string; readonly eventId?: string } | undefined {
  if (value.startsWith('{')) return JSON.parse(value) as { userId: string; eventId?: string };
  const userId = SENTENCE.exec(value)?.[1];
  return userId === undefined ? undefined : { userId };
}

/** What the result topic says. */
export interface ResultCount {
  readonly totals: ReadonlyMap<string, number>;
  /** What no order of commits explains: a total that falls, a user in two partitions, with `every` a gap. */
  readonly findings: readonly string[];
}

/** Reads the totals of a test. */
export async function readTotals(topics: TestTopics, emit: 'every' | 'coalesced'): Promise<ResultCount> {
  const findings: string[] = [];
  const totals = new Map<string, number>();
  const partitions = new Map<string, number>();
  for await (const { partition, offset, key, value } of printTopic(topics, topics.totals)) {
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
