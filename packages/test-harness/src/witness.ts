import { randomUUID } from 'node:crypto';
import { spawnTool } from '@clickstream/local-kafka';
import { decodeRunningTotal } from '@clickstream/schema';

/** What is read on for after all is there, for a total too many, in ms. */
const SILENCE_MS = 500;
/** How soon the consumer looks for new topics, in ms. */
const DISCOVERY_MS = 500;
/** After so long without a line the witness says what it has seen, for the test to say what is missing. */
const DEADLINE_MS = 60_000;

/**
 * Reads committed totals with the broker's own Java console consumer: our client is part of what is under test, so that
 * it cannot be the witness.
 */
export interface Witness {
  /** It reads the topics that begin with this, also those that come to be later. */
  readonly topicPrefix: string;
  /**
   * Every committed total of the users whose ids begin with `userPrefix`, in offset order.
   *
   * @param answer the last total of each user that is waited for; then it is listened on, for one too many.
   * @throws Error when a user has totals in two partitions.
   */
  totals(userPrefix: string, answer: ReadonlyMap<string, number>): Promise<Map<string, number[]>>;
  stop(): Promise<void>;
}

/** A total, by its offset: when the group shares out anew, the consumer reads from the beginning again. */
type TotalsByOffset = Map<number, number>;

/** Starts a witness for topics that begin with `topicPrefix`, by default one that nobody else has. */
export async function startWitness(
  brokers: string,
  topicPrefix = `totals-${randomUUID().slice(0, 8)}-`,
): Promise<Witness> {
  const users = new Map<string, Map<number, TotalsByOffset>>();
  const changes = new Set<(userId: string) => void>();
  const unreadable: { userId: string; line: string }[] = [];

  const take = (line: string) => {
    const [partition = '', offset = '', headers = '', key = '', value = ''] = line.split('\t');
    const decoded = decodeRunningTotal(Buffer.from(key), Buffer.from(value), headerOf(headers));
    if (decoded.status === 'malformed') {
      unreadable.push({ userId: key, line });
      return;
    }
    const partitions = users.get(key) ?? new Map<number, TotalsByOffset>();
    users.set(key, partitions);
    const totals = partitions.get(numberIn(partition)) ?? new Map<number, number>();
    partitions.set(numberIn(partition), totals);
    totals.set(numberIn(offset), decoded.value.clicks);
    for (const changed of changes) changed(key);
  };
  const readOn = async (lines: AsyncIterable<string>) => {
    for await (const line of lines) take(line);
  };

  const printed = ['print.partition', 'print.offset', 'print.headers', 'print.key'];
  const consumer = await spawnTool(
    'kafka-console-consumer',
    [
      ...['--include', `${topicPrefix}.*`, '--from-beginning', '--isolation-level', 'read_committed'],
      ...['--command-property', `metadata.max.age.ms=${DISCOVERY_MS}`],
      ...[...printed.map((name) => `${name}=true`), 'key.separator=\t'].flatMap((property) => [
        '--formatter-property',
        property,
      ]),
    ],
    { brokers },
  );
  void readOn(consumer.lines);

  const seen = (userPrefix: string) => {
    const wrong = unreadable.find(({ userId }) => userId.startsWith(userPrefix));
    if (wrong) throw new Error(`no total: ${wrong.line}`);
    const totals = new Map<string, number[]>();
    for (const [userId, partitions] of users) {
      if (!userId.startsWith(userPrefix)) continue;
      if (partitions.size > 1)
        throw new Error(`${userId} has totals in partitions ${[...partitions.keys()].join(' and ')}`);
      const [byOffset = new Map<number, number>()] = partitions.values();
      totals.set(
        userId,
        [...byOffset].sort(([a], [b]) => a - b).map(([, clicks]) => clicks),
      );
    }
    return totals;
  };

  return {
    topicPrefix,
    stop: consumer.stop,
    totals: async (userPrefix, answer) => {
      const isComplete = () => {
        const totals = seen(userPrefix);
        return [...answer].every(([userId, clicks]) => totals.get(userId)?.includes(clicks));
      };
      await new Promise<void>((resolve) => {
        let quiet: NodeJS.Timeout | undefined;
        let deadline: NodeJS.Timeout | undefined;
        const end = () => {
          changes.delete(changed);
          clearTimeout(quiet);
          clearTimeout(deadline);
          resolve();
        };
        const changed = (userId: string) => {
          // Of any topic: those of other tests may stand before ours.
          clearTimeout(deadline);
          deadline = setTimeout(end, DEADLINE_MS);
          if (!userId.startsWith(userPrefix)) return;
          clearTimeout(quiet);
          // Looked at when the lines pause, since looking costs more than a line.
          quiet = setTimeout(() => {
            if (isComplete()) end();
          }, SILENCE_MS);
        };
        changes.add(changed);
        changed(userPrefix);
      });
      return seen(userPrefix);
    },
  };
}

/** `Partition:3` → 3 */
function numberIn(printed: string): number {
  return Number(/^\w+:(\d+)$/.exec(printed)?.[1]);
}

/** `name:value,name:value` as the console consumer prints headers, for values without commas. */
function headerOf(printed: string): (name: string) => Buffer | undefined {
  const headers = new Map(
    printed.split(',').map((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon), header.slice(colon + 1)];
    }),
  );
  return (name) => {
    const value = headers.get(name);
    return value === undefined ? undefined : Buffer.from(value);
  };
}
