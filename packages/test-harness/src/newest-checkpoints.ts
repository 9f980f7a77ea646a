import { z } from 'zod';
import type { RunningApp } from './app-process.ts';
import type { TestTopics } from './test-topics.ts';

const count = z.int();
const checkpointSchema = z
  .object({
    sequence: count,
    receivedFrom: z.record(z.string(), count).optional(),
    books: z.object({
      read: count,
      received: count,
      counted: count,
      duplicate: count,
      rejected: count,
      forwarded: count,
    }),
    sums: z.object({ openWindows: count, openSessions: count }),
    state: z.object({
      books: z.object({
        windowed: count,
        late: count,
        missed: count,
        sessioned: count,
        sessionLate: count,
      }),
    }),
  })
  .transform(({ books, state, ...rest }) => ({ ...rest, books: { ...books, ...state.books } }));

/** What a task has committed last, as far as tests look at it. */
export type NewestCheckpoint = z.output<typeof checkpointSchema>;
export type Books = NewestCheckpoint['books'];

/** Books of all tasks added up. */
export function sumOfBooks(books: Iterable<Books>): Books {
  const sum: Books = {
    read: 0,
    received: 0,
    counted: 0,
    duplicate: 0,
    rejected: 0,
    forwarded: 0,
    windowed: 0,
    late: 0,
    missed: 0,
    sessioned: 0,
    sessionLate: 0,
  };
  for (const each of books)
    for (const entry of Object.keys(sum) as (keyof Books)[]) sum[entry] += each[entry];
  return sum;
}

/**
 * Follows the committed checkpoints until the newest ones, by partition, are what is waited for.
 *
 * @param by the aggregator that writes them, so that its end is not waited for in vain; its topics may not exist yet.
 */
export async function untilCheckpoints(
  topics: TestTopics,
  isEnough: (newest: ReadonlyMap<number, NewestCheckpoint>) => boolean,
  by?: RunningApp,
): Promise<ReadonlyMap<number, NewestCheckpoint>> {
  await by?.ready();
  const { reader, checkpoint: topic, partitions } = topics;
  const newest = new Map<number, NewestCheckpoint>();
  const over = new AbortController();
  const follow = async (partition: number) => {
    for await (const batch of reader.read({ topic, partition, from: 0n }, over.signal)) {
      for (const record = batch.walk(); record.next();) {
        const value = record.value();
        if (value) newest.set(partition, checkpointSchema.parse(JSON.parse(value.toString('utf8'))));
      }
      if (isEnough(newest)) over.abort();
    }
  };
  const ended = by?.ended.then(({ stderr }) => {
    if (!over.signal.aborted) throw new Error(`the aggregator ended:\n${stderr}`);
  });
  try {
    const followed = Promise.all(Array.from({ length: partitions }, (_, partition) => follow(partition)));
    await (ended ? Promise.race([followed, ended]) : followed);
  } finally {
    over.abort();
    ended?.catch(() => undefined);
  }
  return newest;
}

/**
 * Waits until the tasks together have read `records` records, or more with `atLeast`, and every forwarded one was
 * received.
 *
 * @returns the books of each task by then.
 * @throws Error when they say that more was read than there is.
 */
export async function untilAllRead(
  topics: TestTopics,
  records: number,
  by?: RunningApp,
  options: { readonly atLeast?: boolean } = {},
): Promise<Books[]> {
  return booksOf(await untilReadCheckpoints(topics, records, by, options));
}

/** {@link untilAllRead} that returns the whole checkpoints, by partition. */
export async function untilReadCheckpoints(
  topics: TestTopics,
  records: number,
  by?: RunningApp,
  { atLeast = false }: { readonly atLeast?: boolean } = {},
): Promise<ReadonlyMap<number, NewestCheckpoint>> {
  return untilCheckpoints(
    topics,
    (checkpoints) => {
      const { read, forwarded, received } = sumOfBooks(booksOf(checkpoints));
      if (read > records && !atLeast)
        throw new Error(`${read} records were read where ${records} were written`);
      return read >= records && (atLeast || forwarded === received);
    },
    by,
  );
}

/** Waits until the tasks together have read `records` records and, by idle time, have closed every window and session. */
export async function untilAllClosed(topics: TestTopics, records: number, by?: RunningApp): Promise<void> {
  await untilCheckpoints(
    topics,
    (checkpoints) =>
      sumOfBooks(booksOf(checkpoints)).read >= records &&
      [...checkpoints.values()].every(({ sums }) => sums.openWindows === 0 && sums.openSessions === 0),
    by,
  );
}

function booksOf(checkpoints: ReadonlyMap<number, NewestCheckpoint>): Books[] {
  return [...checkpoints.values()].map(({ books }) => books);
}
