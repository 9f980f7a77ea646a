import { z } from 'zod';

const count = z.int().min(0);
const offset = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
/** Books that an aggregation without windows or sessions does not keep. */
const laterBooks = z.object({
  windowed: count.optional(),
  late: count.optional(),
  missed: count.optional(),
  sessioned: count.optional(),
  sessionLate: count.optional(),
});

/** What is read of a checkpoint; everything else in it, and later versions' fields, are ignored. */
const checkpointSchema = z.object({
  sequence: count,
  input: z.object({ position: offset }),
  books: z.object({
    read: count,
    received: count.default(0),
    counted: count,
    duplicate: count.default(0),
    rejected: count,
    forwarded: count.default(0),
  }),
  sums: z.object({ openSessions: count.optional() }).catch({}),
  state: z
    .object({
      books: laterBooks.catch({}),
      settings: z.object({ sessionGapMs: count.optional() }).catch({}),
    })
    .catch({ books: {}, settings: {} }),
});

type Checkpoint = z.output<typeof checkpointSchema>;

/** For so long more may have arrived than was sent: the partitions' checkpoints are read one after the other. */
const READ_APART_MS = 10_000;

/** What became of the clicks that were read, all partitions together, as of the newest checkpoint of each. */
export interface BooksView {
  /** Partitions that have a checkpoint. */
  readonly partitions: number;
  /** Clicks read from the click topic. */
  readonly read: number;
  /** Clicks that one partition read and another one counts: sent there, and arrived. */
  readonly forwarded: number;
  readonly received: number;
  /** Sent there and not yet arrived. */
  readonly inFlight: number;
  readonly counted: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly windowed?: number;
  readonly late?: number;
  readonly missed?: number;
  readonly sessioned?: number;
  readonly sessionLate?: number;
  /** Whether every click is accounted for; null while there is no checkpoint. */
  readonly balances: boolean | null;
  /** What is wrong: equations that do not hold, such as `partition 2: read 5 + received 0 is not …`, and what cannot be read. */
  readonly problems: readonly string[];
}

const LATER = ['windowed', 'late', 'missed', 'sessioned', 'sessionLate'] as const;

/** The books of the aggregation, out of the newest checkpoint of each partition. */
export class Books {
  /** Those not looked at yet: many come between two looks. */
  readonly #raw = new Map<number, Buffer>();
  readonly #checkpoints = new Map<number, Checkpoint>();
  /** Partitions whose newest checkpoint could not be read. */
  readonly #outdated = new Set<number>();
  #unreadable = 0;
  /** Since when more has arrived than was sent, ms since the epoch. */
  #overSinceMs: number | undefined;

  /** How many checkpoints could not be read. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Takes over the newest checkpoint of a partition, null if it was deleted. Keeps a copy. */
  apply(partition: number, value: Buffer | null): void {
    if (value) {
      this.#raw.set(partition, Buffer.from(value));
    } else {
      this.#raw.delete(partition);
      this.#checkpoints.delete(partition);
      this.#outdated.delete(partition);
    }
  }

  /** The next offset that a partition's task reads of the click topic; undefined without a checkpoint. */
  position(partition: number): number | undefined {
    this.#read();
    return this.#checkpoints.get(partition)?.input.position;
  }

  /** Sessions that may still grow; undefined while no checkpoint says so. */
  get openSessions(): number | undefined {
    this.#read();
    let sum: number | undefined;
    for (const { sums } of this.#checkpoints.values())
      if (sums.openSessions !== undefined) sum = (sum ?? 0) + sums.openSessions;
    return sum;
  }

  /** After so long without a click a session is over, ms: the longest that a checkpoint says; undefined while none does. */
  get sessionGapMs(): number | undefined {
    this.#read();
    const gaps = [...this.#checkpoints.values()].flatMap(({ state }) => state.settings.sessionGapMs ?? []);
    return gaps.length === 0 ? undefined : Math.max(...gaps);
  }

  /** Clicks that were sent from one partition to another and have not arrived. */
  get inFlight(): number {
    this.#read();
    let sum = 0;
    for (const { books } of this.#checkpoints.values()) sum += books.forwarded - books.received;
    return Math.max(0, sum);
  }

  view(nowMs: number): BooksView {
    this.#read();
    const checkpoints = [...this.#checkpoints].sort(([first], [second]) => first - second);
    const sum = { read: 0, received: 0, counted: 0, duplicate: 0, rejected: 0, forwarded: 0 };
    const later: Partial<Record<(typeof LATER)[number], number>> = {};
    const problems: string[] = [];
    for (const [partition, { books, state }] of checkpoints) {
      for (const entry of Object.keys(sum) as (keyof typeof sum)[]) sum[entry] += books[entry];
      for (const entry of LATER) {
        const value = state.books[entry];
        if (value !== undefined) later[entry] = (later[entry] ?? 0) + value;
      }
      problems.push(...problemsOf(books, state.books).map((problem) => `partition ${partition}: ${problem}`));
    }
    for (const partition of [...this.#outdated].sort((first, second) => first - second))
      problems.push(
        `partition ${partition}: its newest checkpoint cannot be read; what is shown is from before`,
      );
    this.#overSinceMs = sum.received > sum.forwarded ? (this.#overSinceMs ?? nowMs) : undefined;
    if (this.#overSinceMs !== undefined && nowMs - this.#overSinceMs >= READ_APART_MS)
      problems.push(`received ${sum.received} is more than forwarded ${sum.forwarded}`);
    return {
      partitions: checkpoints.length,
      ...sum,
      ...later,
      inFlight: this.inFlight,
      balances: checkpoints.length === 0 && problems.length === 0 ? null : problems.length === 0,
      problems,
    };
  }

  #read(): void {
    for (const [partition, value] of this.#raw) {
      const checkpoint = parse(value);
      if (checkpoint) {
        this.#checkpoints.set(partition, checkpoint);
        this.#outdated.delete(partition);
      } else {
        this.#unreadable += 1;
        this.#outdated.add(partition);
      }
    }
    this.#raw.clear();
  }
}

function parse(value: Buffer): Checkpoint | undefined {
  try {
    return checkpointSchema.safeParse(JSON.parse(value.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

function problemsOf(books: Checkpoint['books'], later: Checkpoint['state']['books']): string[] {
  const { read, received, counted, duplicate, rejected, forwarded } = books;
  const problems: string[] = [];
  if (read + received !== counted + duplicate + rejected + forwarded)
    problems.push(
      `read ${read} + received ${received} is not counted ${counted} + duplicate ${duplicate} + rejected ${rejected} + forwarded ${forwarded}`,
    );
  const { windowed, late, sessioned, sessionLate } = later;
  if (windowed !== undefined && late !== undefined && windowed + late !== counted)
    problems.push(`windowed ${windowed} + late ${late} is not counted ${counted}`);
  if (sessioned !== undefined && sessionLate !== undefined && sessioned + sessionLate !== counted)
    problems.push(`sessioned ${sessioned} + session-late ${sessionLate} is not counted ${counted}`);
  return problems;
}
