import type { Books } from './checkpoint-record.ts';
import type { DeadLetterCount } from './count-dead-letters.ts';
import type { Findings } from './findings.ts';
import type { TotalsSum } from './read-totals.ts';
import type { LogBounds, PartitionRecount } from './recount-clicks.ts';
import type { Cut, Task } from './take-cut.ts';

/** All that was found out about the partitions, each list by partition. */
export interface Evidence {
  readonly cut: Cut;
  readonly bounds: readonly LogBounds[];
  readonly sums: readonly TotalsSum[];
  readonly letters: readonly DeadLetterCount[];
  readonly recounts: readonly PartitionRecount[];
}

/** Compares positions, marks, sums and books of each task with what was found; says which partitions are whole. */
export function checkBooks(evidence: Evidence, problems: Findings, gaps: Findings): Wholeness {
  const wholeness: Wholeness = { input: [], forwards: [] };
  for (const task of evidence.cut) {
    const check = new TaskCheck(evidence, task, problems, gaps);
    check.sums();
    check.balance();
    wholeness.input.push(check.input());
    wholeness.forwards.push(check.forwards());
  }
  for (const task of evidence.cut) {
    const check = new TaskCheck(evidence, task, problems, gaps);
    check.marks();
    const lettersAreWhole = check.letters();
    if (!lettersAreWhole) continue;
    if (wholeness.input[task.partition]) check.rejected();
    if (wholeness.forwards.every((isWhole, origin) => isWhole || origin === task.partition)) check.received();
  }
  return wholeness;
}

/** By partition. */
export interface Wholeness {
  /** Whether retention has left all records that its task has read. */
  readonly input: boolean[];
  /** Whether retention has left all clicks that its task has forwarded. */
  readonly forwards: boolean[];
}

class TaskCheck {
  readonly #evidence: Evidence;
  readonly #task: Task;
  readonly #problems: Findings;
  readonly #gaps: Findings;

  constructor(evidence: Evidence, task: Task, problems: Findings, gaps: Findings) {
    this.#evidence = evidence;
    this.#task = task;
    this.#problems = problems;
    this.#gaps = gaps;
  }

  sums(): void {
    const { partition, sums } = this.#task;
    const { clicks = 0, users = 0 } = this.#evidence.sums[partition] ?? {};
    this.#expect('sums', 'clicks in all totals', sums.clicks, clicks);
    this.#expect('sums', 'users with a total', sums.users, users);
  }

  balance(): void {
    const { read, received, counted, rejected, forwarded } = this.#task.books;
    if (read + received !== counted + rejected + forwarded)
      this.#problems.add(
        'books',
        this.#task.partition,
        `the books of partition ${this.#task.partition} do not balance: ${read} read and ${received} received, ${counted} counted, ${rejected} rejected and ${forwarded} forwarded`,
      );
    this.#expect('books', 'clicks counted', this.#task.sums.clicks, counted);
  }

  /** Whether retention has left all that was read. */
  input(): boolean {
    const { partition, position, books } = this.#task;
    const { start, end } = this.#bounds(partition);
    if (position > end)
      this.#problems.add(
        'positions',
        partition,
        `the clicks of partition ${partition} were read up to offset ${position}, and end at offset ${end}: another topic of that name, or a forged position`,
        { offset: end },
      );
    const read = this.#recount(partition).read;
    if (read < books.read && start > 0) {
      this.#gaps.add(
        'totals',
        partition,
        `the clicks of partition ${partition} begin at offset ${start}: ${books.read - read} records that were read before are gone, so that totals can only be checked not to be too low`,
        { offset: start },
      );
      return false;
    }
    this.#expect('books', 'records read', read, books.read);
    return true;
  }

  /** Whether retention has left all that was forwarded. */
  forwards(): boolean {
    const { partition, books } = this.#task;
    const { forwarded } = this.#recount(partition);
    if (forwarded < books.forwarded && this.#bounds(partition).start > 0) return false;
    this.#expect('books', 'clicks forwarded', forwarded, books.forwarded);
    return true;
  }

  /** A mark stands behind a click that was forwarded to this task. */
  marks(): void {
    const { partition: home, marks } = this.#task;
    for (const [origin, mark] of marks) {
      if (mark <= this.#bounds(origin).start) continue;
      const { lastOffset = -1 } = this.#recount(origin).received.get(home) ?? {};
      if (lastOffset !== mark - 1)
        this.#problems.add(
          'positions',
          home,
          `partition ${home} says that it received the click of partition ${origin} at offset ${mark - 1}, and the last one below that belongs to it stands ${lastOffset < 0 ? 'nowhere' : `at offset ${lastOffset}`}`,
          { offset: mark },
        );
    }
  }

  /** Whether retention has left all dead letters. */
  letters(): boolean {
    const { partition, books } = this.#task;
    const { letters = 0, start = 0 } = this.#evidence.letters[partition] ?? {};
    if (letters < books.rejected && start > 0) {
      this.#gaps.add(
        'books',
        partition,
        `the dead letters of partition ${partition} begin at offset ${start}: ${books.rejected - letters} are gone`,
        { offset: start },
      );
      return false;
    }
    this.#expect('books', 'dead letters', letters, books.rejected);
    return true;
  }

  rejected(): void {
    const { partition, books } = this.#task;
    const { rejected } = this.#recount(partition);
    this.#expect('books', 'records rejected', rejected + this.#misrouted(), books.rejected);
  }

  received(): void {
    const { partition, books } = this.#task;
    const received = this.#evidence.recounts.reduce(
      (sum, recount) => sum + (recount.received.get(partition)?.clicks ?? 0),
      this.#misrouted(),
    );
    this.#expect('books', 'clicks received from other partitions', received, books.received);
  }

  #expect(check: 'sums' | 'books', what: string, expected: number, found: number): void {
    if (expected === found) return;
    const { partition, sequence } = this.#task;
    this.#problems.add(
      check,
      partition,
      `${what} in partition ${partition}: expected ${expected}, found ${found} (checkpoint ${sequence})`,
      { expected, found },
    );
  }

  #bounds(partition: number): LogBounds {
    return this.#evidence.bounds[partition] ?? { start: 0, end: 0 };
  }

  #recount(partition: number): PartitionRecount {
    return (
      this.#evidence.recounts[partition] ?? {
        read: 0,
        rejected: 0,
        forwarded: 0,
        inFlight: 0,
        received: new Map(),
      }
    );
  }

  #misrouted(): number {
    return this.#evidence.letters[this.#task.partition]?.misrouted ?? 0;
  }
}

/** All books added up. */
export function sumOfBooks(cut: Cut): Books {
  const sum = { read: 0, counted: 0, rejected: 0, forwarded: 0, received: 0 };
  for (const { books } of cut)
    for (const entry of Object.keys(sum) as (keyof Books)[]) sum[entry] += books[entry];
  return sum;
}
