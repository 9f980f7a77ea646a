import type { Books } from './checkpoint-record.ts';
import type { DeadLetterCount } from './dead-letters.ts';
import type { Findings } from './findings.ts';
import { EMPTY_RECOUNT, type LogBounds, type PartitionRecount } from './recount-clicks.ts';
import { RecordSum } from './record-sum.ts';
import { everInForce, futureLimit } from './settings-in-force.ts';
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
  const wholeness: Wholeness = { input: [], forwards: [], received: [], letters: [] };
  for (const task of evidence.cut) {
    const check = new TaskCheck(evidence, task, problems, gaps);
    check.balance();
    wholeness.input.push(check.input());
    wholeness.forwards.push(check.forwards());
    wholeness.received.push(check.receipts());
  }
  for (const task of evidence.cut) {
    const { partition } = task;
    const check = new TaskCheck(evidence, task, problems, gaps);
    check.marks();
    check.pairs(wholeness);
    const areClicksWhole = wholeness.input[partition] === true && areReceiptsKnown(wholeness, partition);
    if (task.state && areClicksWhole) {
      check.duplicates();
      check.clock();
    }
    const lettersAreWhole = check.letters();
    wholeness.letters.push(lettersAreWhole);
    if (!lettersAreWhole) continue;
    const areReceived = areReceiptsKnown(wholeness, partition);
    // By another limit than that of its origin a click may be rejected that was forwarded.
    const { least } = futureLimit(task);
    const mayRejectReceived = evidence.cut.some((origin) => futureLimit(origin).greatest > least);
    if (wholeness.input[partition] && (areReceived || !mayRejectReceived)) check.rejected();
    if (wholeness.received[partition]) check.unforwarded();
    if (areReceived && !task.receivedFrom) check.received();
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
  /** Whether all dead letters of its task are there. */
  readonly letters: boolean[];
}

/** Whether the clicks that other tasks have forwarded to this one can be counted anew. */
export function areReceiptsKnown({ forwards, received }: Wholeness, home: number): boolean {
  return received[home] === true && forwards.every((areWhole, origin) => areWhole || origin === home);
}

const NO_RECORDS = new RecordSum();

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
    const { partition, sums, state, books } = this.#task;
    const { read, received, counted, duplicate, rejected, forwarded } = books;
    const doNotBalance = (what: string) => {
      this.#problems.add('books', partition, `the books of partition ${partition} do not balance: ${what}`);
    };
    if (read + received !== counted + duplicate + rejected + forwarded)
      doNotBalance(
        `${read} read and ${received} received, ${counted} counted, ${duplicate} duplicates, ${rejected} rejected and ${forwarded} forwarded`,
      );
    this.#expect('clicks counted', sums.clicks, counted);
    if (!state) return;
    const { windowed, late, sessioned, sessionLate } = state.books;
    if (counted !== windowed + late)
      doNotBalance(`${counted} counted, ${windowed} in windows and ${late} too late for theirs`);
    if (counted !== sessioned + sessionLate)
      doNotBalance(`${counted} counted, ${sessioned} in sessions and ${sessionLate} too late for one`);
  }

  duplicates(): void {
    const { partition, books } = this.#task;
    const { duplicate, uncertain } = this.#recount(partition);
    const difference = Math.abs(books.duplicate - duplicate);
    if (difference === 0) return;
    if (difference > uncertain) {
      this.#expect('duplicates', duplicate, books.duplicate);
      return;
    }
    this.#gaps.add(
      'duplicates',
      partition,
      `duplicates in partition ${partition}: expected ${duplicate}, found ${books.duplicate}, which may be right: of ${uncertain} clicks the log does not tell whether the horizon still covered the one before`,
      { expected: duplicate, found: books.duplicate },
    );
  }

  /** Stream time is the greatest event time counted, or what idle time made of it: at most the last thing to close. */
  clock(): void {
    const { partition, state, sequence } = this.#task;
    if (!state) return;
    const { lastEventTime, areCopiesKnown } = this.#recount(partition);
    const { clock, windows, settings } = state;
    if (!areCopiesKnown) return;
    const report = (text: string, facts: { expected?: number; found?: number } = {}) => {
      this.#problems.add(
        'late',
        partition,
        `checkpoint ${sequence} of partition ${partition}: ${text}`,
        facts,
      );
    };
    if (!clock) {
      if (lastEventTime > -Infinity) report(`no stream time, and clicks were counted up to ${lastEventTime}`);
      return;
    }
    const { streamTime, closeTime } = clock;
    const facts = { expected: lastEventTime, found: streamTime };
    if (streamTime < lastEventTime)
      report(
        `stream time ${streamTime} is before the event time of a click that was counted, ${lastEventTime}`,
        facts,
      );
    const grace = everInForce(state, 'graceMs');
    // After a smaller grace than the present one more may be closed, and never less.
    if (closeTime < streamTime - settings.graceMs || closeTime > streamTime - grace.least)
      report(`at stream time ${streamTime} windows are closed that end until ${closeTime}`);
    const lastWindowEnd = Math.floor(lastEventTime / windows.advanceMs) * windows.advanceMs + windows.sizeMs;
    const lastEnd = Math.max(lastWindowEnd, lastEventTime + everInForce(state, 'sessionGapMs').greatest);
    if (streamTime > Math.max(lastEventTime, lastEnd + grace.greatest))
      report(
        `stream time ${streamTime} is after the last click, at ${lastEventTime}, and all that was open`,
        facts,
      );
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
    const { undecided } = this.#recount(partition);
    if (undecided === 0) return true;
    const lettersStart = this.#evidence.letters[partition]?.start ?? 0;
    this.#gaps.add(
      'totals',
      partition,
      `whether partition ${partition} rejected ${undecided} clicks as being of the future is not known, as MAX_FUTURE_MS was another before and its dead letters begin at offset ${lettersStart}: totals can only be checked not to be too low`,
      { offset: lettersStart },
    );
    return false;
  }

  /** Whether all that was forwarded is there. */
  forwards(): boolean {
    const { partition, position, books, lossAccepted } = this.#task;
    const { forwarded } = this.#recount(partition);
    const { start } = this.#bounds(partition);
    if (lossAccepted.input !== undefined) {
      this.#expectAtLeast('clicks forwarded', forwarded, books.forwarded);
      return books.forwarded === 0;
    }
    if (forwarded < books.forwarded && start > 0) return false;
    if (this.#recount(partition).undecided > 0) {
      this.#expectAtLeast('clicks forwarded', forwarded, books.forwarded);
      return false;
    }
    const areReceivedBeyond = this.#evidence.cut.some(({ marks }) => (marks.get(partition) ?? 0) > position);
    if (start > position && areReceivedBeyond) {
      this.#gaps.add(
        'totals',
        partition,
        `the clicks of partition ${partition} begin at offset ${start}, and others have received some from offset ${position} on that are gone: totals can only be checked not to be too low`,
        { offset: start },
      );
      return false;
    }
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
      if (mark <= this.#bounds(origin).start || this.#recount(origin).undecided > 0) continue;
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

  /** What came from each other partition is what stands there below the mark, pair by pair; more where some of it is gone. */
  pairs({ forwards, received }: Wholeness): void {
    const { partition: home, receivedFrom } = this.#task;
    if (!receivedFrom || received[home] !== true) return;
    for (const { partition: origin, lossAccepted } of this.#evidence.cut) {
      if (origin === home || lossAccepted.input !== undefined) continue;
      const what = `clicks received from partition ${origin}`;
      const { clicks = 0 } = this.#recount(origin).received.get(home) ?? {};
      const found = receivedFrom.get(origin) ?? 0;
      if (forwards[origin] === true) this.#expect(what, clicks, found);
      else this.#expectAtLeast(what, clicks, found);
    }
  }

  /** Whether retention has left all dead letters. */
  letters(): boolean {
    const { partition, books, state } = this.#task;
    const { letters = new Map<string, RecordSum>(), start = 0 } = this.#evidence.letters[partition] ?? {};
    const found = recordsOf(letters);
    const listed = state?.books ?? { late: 0, missed: 0, sessionLate: 0 };
    const told = books.rejected + listed.late + listed.missed + listed.sessionLate;
    if (found < told && start > 0) {
      this.#gaps.add(
        'books',
        partition,
        `the dead letters of partition ${partition} begin at offset ${start}: ${told - found} are gone`,
        { offset: start },
      );
      return false;
    }
    const [late, missed, sessionLate] = ['late', 'missed', 'session-late'].map(
      (name) => letters.get(name)?.records ?? 0,
    );
    this.#expect(
      'dead letters of rejected clicks',
      found - (late ?? 0) - (missed ?? 0) - (sessionLate ?? 0),
      books.rejected,
    );
    this.#expect('dead letters of late clicks', late ?? 0, listed.late);
    this.#expect('dead letters of clicks that missed a window', missed ?? 0, listed.missed);
    this.#expect('dead letters of clicks too late for a session', sessionLate ?? 0, listed.sessionLate);
    return true;
  }

  rejected(): void {
    const { partition, sequence, books } = this.#task;
    const { rejected } = this.#recount(partition);
    this.#expect('records rejected', recordsOf(rejected) + this.#misrouted(), books.rejected);
    const letters = this.#evidence.letters[partition]?.letters;
    for (const reason of ['malformed', 'unsupported-version', 'future', 'too-large']) {
      const expected = rejected.get(reason) ?? NO_RECORDS;
      const found = letters?.get(reason) ?? NO_RECORDS;
      this.#expect(`dead letters with reason ${reason}`, expected.records, found.records);
      if (expected.records === found.records && !expected.equals(found))
        this.#problems.add(
          'books',
          partition,
          `dead letters with reason ${reason} in partition ${partition} are about other records than those that are to be rejected (checkpoint ${sequence})`,
        );
    }
  }

  /** All pairs together, for a checkpoint that does not tell them apart. */
  received(): void {
    const { partition, books } = this.#task;
    const received = this.#evidence.recounts.reduce(
      (sum, recount) => sum + (recount.received.get(partition)?.clicks ?? 0),
      this.#misrouted(),
    );
    this.#expect('clicks received from other partitions', received, books.received);
  }

  /** What no task has forwarded is a dead letter. */
  unforwarded(): void {
    const { receivedFrom, books } = this.#task;
    if (!receivedFrom) return;
    const fromTasks = [...receivedFrom.values()].reduce((sum, clicks) => sum + clicks, 0);
    const most = fromTasks + this.#misrouted();
    if (books.received < fromTasks || books.received > most)
      this.#reportDifference('records received', `${fromTasks} to ${most}`, {
        expected: fromTasks,
        found: books.received,
      });
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
    return this.#evidence.recounts[partition] ?? EMPTY_RECOUNT;
  }

  #misrouted(): number {
    return this.#evidence.letters[this.#task.partition]?.letters.get('misrouted')?.records ?? 0;
  }
}

function recordsOf(sums: ReadonlyMap<string, RecordSum>): number {
  return [...sums.values()].reduce((total, { records }) => total + records, 0);
}

/** All books added up. */
export function sumOfBooks(cut: Cut): Books {
  const sum = { read: 0, counted: 0, duplicate: 0, rejected: 0, forwarded: 0, received: 0 };
  for (const { books } of cut)
    for (const entry of Object.keys(sum) as (keyof Books)[]) sum[entry] += books[entry];
  return sum;
}
