import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { describeError } from '@clickstream/kafka-client';
import { z } from 'zod';
import { CannotVerifyError } from './cannot-verify-error.ts';

/** What a run of the producer had acknowledged. */
export interface Manifest {
  readonly topic: string;
  /** The run id of a simulation, or the name of the log that was replayed. */
  readonly run: string;
  readonly clicks: number;
  /** By partition, in the order of offsets. */
  readonly ranges: ReadonlyMap<number, readonly AcknowledgedRange[]>;
  /** Clicks of each user. */
  readonly users: ReadonlyMap<string, number>;
}

/** Records that stand at consecutive offsets. */
export interface AcknowledgedRange {
  readonly partition: number;
  /** Of the first one. */
  readonly offset: number;
  readonly clicks: number;
  /** Of their values, one after another. Hexadecimal. */
  readonly sha256: string;
}

const count = z.int().min(0);
const header = z.object({ manifest: z.literal(1), topic: z.string(), run: z.string() });
const range = z.object({
  partition: count,
  offset: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
  clicks: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const users = z.object({ users: z.array(z.tuple([z.string(), z.int().min(1)])) });
const end = z.object({ acknowledged: count, ranges: count, users: count });
const line = z.union([range, users, end]);

/**
 * Reads a manifest, as `producer simulate --manifest FILE` writes it.
 *
 * @throws CannotVerifyError for a file that cannot be read, is torn or contradicts itself.
 */
export async function readManifest(file: string): Promise<Manifest> {
  const ranges = new Map<number, AcknowledgedRange[]>();
  const clicksOfUsers = new Map<string, number>();
  let first: z.output<typeof header> | undefined;
  let last: z.output<typeof end> | undefined;
  let rangeCount = 0;
  let number = 0;
  try {
    for await (const text of createInterface({ input: createReadStream(file, 'utf8') })) {
      number++;
      if (!first) {
        first = header.parse(JSON.parse(text));
        continue;
      }
      if (last) throw new Error('there is something behind the totals');
      const parsed = line.parse(JSON.parse(text));
      if ('sha256' in parsed) {
        const list = ranges.get(parsed.partition);
        if (list) list.push(parsed);
        else ranges.set(parsed.partition, [parsed]);
        rangeCount++;
      } else if ('acknowledged' in parsed) last = parsed;
      else for (const [userId, clicks] of parsed.users) clicksOfUsers.set(userId, clicks);
    }
  } catch (error) {
    const problem =
      error instanceof z.ZodError || error instanceof SyntaxError
        ? 'it is no line of a manifest, or only part of one'
        : describeError(error);
    throw new CannotVerifyError(`${file}, line ${number}: ${problem}`);
  }
  if (!first || !last)
    throw new CannotVerifyError(`${file} is torn: its last line, with the totals, is missing`);
  const inRanges = sum([...ranges.values()].flat().map(({ clicks }) => clicks));
  const ofUsers = sum([...clicksOfUsers.values()]);
  if (
    inRanges !== last.acknowledged ||
    ofUsers !== last.acknowledged ||
    rangeCount !== last.ranges ||
    clicksOfUsers.size !== last.users
  )
    throw new CannotVerifyError(
      `${file} is damaged: its last line says ${last.acknowledged} clicks in ${last.ranges} ranges of ${last.users} users, the others hold ${inRanges} in ${rangeCount}, and ${ofUsers} of ${clicksOfUsers.size} users`,
    );
  return { topic: first.topic, run: first.run, clicks: last.acknowledged, ranges, users: clicksOfUsers };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((left, right) => left + right, 0);
}
