import type { Logger, TaskProcessor } from '@clickstream/kafka-client';

const INTERVAL_MS = 60_000;

/**
 * Logs once a minute what became of the clicks of this instance's partitions, while there are new ones: as information
 * if the books balance, as an error if not. Warns when ids had to be forgotten before their time.
 *
 * @returns what ends it.
 */
export function logBooks(processor: Pick<TaskProcessor, 'tasks'>, log: Logger): () => void {
  let lastRead = 0;
  let lastForgotten = 0;
  const timer = setInterval(() => {
    const tasks = processor.tasks();
    const books = sum(tasks.map((task) => task.books));
    const { read = 0, received = 0 } = books;
    if (read + received !== lastRead) {
      lastRead = read + received;
      if (doesBalance(books)) log.info({ books }, `the books balance: ${describe(books)}`);
      else log.error({ books }, `the books do not balance: ${describe(books)}`);
    }
    const { idsForgottenEarly = 0 } = sum(tasks.map((task) => task.memory));
    if (idsForgottenEarly > lastForgotten)
      log.warn(
        `${idsForgottenEarly - lastForgotten} event ids were forgotten before DEDUPLICATION_HORIZON_MS was over, since there are more than DEDUPLICATION_MAX_IDS: clicks sent again may be counted again`,
      );
    lastForgotten = idsForgottenEarly;
  }, INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

type Books = Record<string, number>;

function sum(all: readonly Readonly<Books>[]): Books {
  const total: Books = {};
  for (const one of all)
    for (const [entry, count] of Object.entries(one)) total[entry] = (total[entry] ?? 0) + count;
  return total;
}

function doesBalance(books: Books): boolean {
  const of = (...entries: string[]) => entries.reduce((total, entry) => total + (books[entry] ?? 0), 0);
  return (
    of('read', 'received') === of('counted', 'duplicate', 'rejected', 'forwarded') &&
    of('counted') === of('windowed', 'late') &&
    of('counted') === of('sessioned', 'sessionLate')
  );
}

function describe(books: Books): string {
  return Object.entries(books)
    .map(([entry, count]) => `${entry} ${count}`)
    .join(', ');
}
