import type { Books } from './checkpoint-record.ts';
import type { DeadLetterCount } from './count-dead-letters.ts';
import type { Findings } from './findings.ts';
import type { LogBounds, PartitionRecount } from './recount-clicks.ts';
import type { Cut, Task } from './take-cut.ts';

/** All that was found out about the partitions, each list by partition. */
export interface Evidence {
  readonly cut: Cut;
  readonly bounds: readonly LogBounds[];
  readonly letters: readonly DeadLetterCount[];
  readonly recounts: readonly PartitionRecount[];
}

/** Compares positions, marks and books of each task with what was found; says which partitions are whole. */
export function checkBooks(evidence: Evidence, problems: Findings, gaps: Findings): Wholeness {
  const wholeness: Wholeness = { input: [], forwards: [], received: [] };
  for (const task of evidence.cut) {
    const check = new TaskCheck(evidence, task, problems, gaps);
    check.balance();
    wholeness.input.push(check.input());
    wholeness.forwards.push(check.forwards());
    wholeness.received.push(check.receipts());
  }
  for (const task of evidence.cut) {
    const check = new TaskCheck(evidence, task, problems, gaps);
    check.marks();
    const lettersAreWhole = check.letters();
    if (!lettersAreWhole) continue;
    if (wholeness.input[task.partition]) check.rejected();
    if (areReceiptsKnown(wholeness, task.partition)) check.received();
  }
  return wholeness;
}

/** By partition. */
export interface Wholeness {
  /** Whether all records that its task has read are there. */
  readonly input: boolean[];
  /** Whether all clicks that its task has forwarded are there. */
  readonly forwards: boolean[];
  /** Whether its task has received all clicks that were forwarded to it, once each. */
  readonly received: boolean[];
}

/** Whether the clicks that other tasks have forwarded to this one can be counted anew. */
export function areReceiptsKnown({ forwards, received }: Wholeness, home: number): boolean {
  return received[home] === true && forwards.every((areWhole, origin) => areWhole || origin === home);
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

  balance(): void {
    const { read, received, counted, rejected, forwarded } = this.#task.books;
    if (read + received !== counted + rejected + forwarded)
      this.#problems.add(
        'books',
        this.#task.partition,
        `the books of partition ${this.#task.partition} do not balance: ${read} read and ${received} received, ${counted} counted, ${rejected} rejected and ${forwarded} forwarded`,
      );
    this.#expect('clicks counted', this.#task.sums.clicks, counted);
  }

  /** Whether all that was read is there. */
  input(): boolean {
    const { partition, position, books, lossAccepted } = this.#task;
    const { start, end } = this.#bounds(partition);
    if (position > end)
      this.#problems.add(
        'positions',
        partition,
        `the clicks of partition ${partition} were read up to offset ${position}, and end at offset ${end}: another topic of that name, or a forged position`,
        { offset: end },
      );
    const read = this.#recount(partition).read;
    if (lossAccepted.input !== undefined) {
      this.#reportLoss(`partition ${partition} went on at offset ${lossAccepted.input}`, lossAccepted.input);
      this.#expectAtLeast('records read', read, books.read);
      return false;
    }
    if (read < books.read && start > 0) {
      this.#gaps.add(
        'totals',
        partition,
        `the clicks of partition ${partition} begin at offset ${start}: ${books.read - read} records that were read before are gone, so that totals can only be checked not to be too low`,
        { offset: start },
      );
      return false;
    }
    this.#expect('records read', read, books.read);
    return true;
  }

  /** Whether all that was forwarded is there. */
  forwards(): boolean {
    const { partition, books, lossAccepted } = this.#task;
    const { forwarded } = this.#recount(partition);
    if (lossAccepted.input !== undefined) {
      this.#expectAtLeast('clicks forwarded', forwarded, books.forwarded);
      return books.forwarded === 0;
    }
    if (forwarded < books.forwarded && this.#bounds(partition).start > 0) return false;
    this.#expect('clicks forwarded', forwarded, books.forwarded);
    return true;
  }

  /** Whether all that was forwarded to this task was received, once each. */
  receipts(): boolean {
    const { partition, lossAccepted } = this.#task;
    if (lossAccepted.forwards === undefined) return true;
    this.#reportLoss(
      `partition ${partition} went on at offset ${lossAccepted.forwards} of the clicks forwarded to it`,
      lossAccepted.forwards,
    );
    return false;
  }

  /** A mark stands behind a click that was forwarded to this task; where loss was accepted, maybe in an earlier topic. */
  marks(): void {
    const { partition: home, marks, lossAccepted } = this.#task;
    if (lossAccepted.forwards !== undefined) return;
    for (const [origin, mark] of marks) {
      if (this.#evidence.cut[origin]?.lossAccepted.input !== undefined) continue;
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
    this.#expect('dead letters', letters, books.rejected);
    return true;
  }

  rejected(): void {
    const { partition, books } = this.#task;
    const { rejected } = this.#recount(partition);
    this.#expect('records rejected', rejected + this.#misrouted(), books.rejected);
  }

  received(): void {
    const { partition, books } = this.#task;
    const received = this.#evidence.recounts.reduce(
      (sum, recount) => sum + (recount.received.get(partition)?.clicks ?? 0),
      this.#misrouted(),
    );
    this.#expect('clicks received from other partitions', received, books.received);
  }

  #expect(what: string, expected: number, found: number): void {
    if (expected !== found) this.#reportDifference(what, String(expected), { expected, found });
  }

  #expectAtLeast(what: string, expected: number, found: number): void {
    if (found < expected) this.#reportDifference(what, `at least ${expected}`, { expected, found });
  }

  #reportDifference(what: string, expectation: string, facts: { expected: number; found: number }): void {
    const { partition, sequence } = this.#task;
    this.#problems.add(
      'books',
      partition,
      `${what} in partition ${partition}: expected ${expectation}, found ${facts.found} (checkpoint ${sequence})`,
      facts,
    );
  }

  #reportLoss(what: string, offset: number): void {
    this.#gaps.add(
      'totals',
      this.#task.partition,
      `${what} with --accept-loss: totals can only be checked not to be too low`,
      { offset },
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
