import { z } from 'zod';

const count = z.int().min(0);
/** Exact as a number: 15 digits are below 2^53. */
const offset = z
  .string()
  .regex(/^\d{1,15}$/, 'expected an offset as a decimal string')
  .transform(Number);
const partition = z.string().regex(/^\d{1,9}$/);

const timeMs = z.int();
const lengthMs = z.int().min(0);
const range = z.object({ least: lengthMs, greatest: lengthMs }).optional();

/** What the aggregation itself adds: the settings that it counts with, and how far its clock is. */
const clickState = z.object({
  books: z.object({ windowed: count, late: count, missed: count, sessioned: count, sessionLate: count }),
  clock: z.object({ streamTime: timeMs, closeTime: timeMs }).nullable(),
  isIdle: z.boolean(),
  /** Whether final results were left to the transactions after it. */
  isClosing: z.boolean().default(false),
  windows: z.object({
    sizeMs: z.int().min(1),
    advanceMs: z.int().min(1),
    pageKey: z.enum(['path', 'url']),
  }),
  settings: z.object({
    graceMs: lengthMs,
    sessionGapMs: z.int().min(1),
    maxFutureMs: lengthMs,
    maxPages: z.int().min(1),
    horizonMs: lengthMs,
  }),
  /** Names of those settings that were others before. */
  changedSettings: z.array(z.string()),
  /** By name of those, the values between which they were and are; missing of what an older version has changed. */
  changedWithin: z.object({ graceMs: range, sessionGapMs: range, maxFutureMs: range }).default({}),
  duplicates: z.object({ ids: z.object({ forgottenEarly: count }) }),
});

/** What `<APPLICATION_ID>_checkpoint` holds for a task, as far as it can be checked; other fields are ignored. */
const checkpointRecord = z.object({
  version: z.literal(1),
  sequence: z.int().min(1),
  partitions: z.int().min(1),
  input: z.object({ position: offset, lossAccepted: offset.optional() }),
  repartition: z.object({ lossAccepted: offset.optional() }),
  marks: z.record(partition, offset),
  receivedFrom: z.record(partition, count).optional(),
  resultEnds: z.record(z.string(), offset),
  books: z.object({
    read: count,
    counted: count,
    duplicate: count.default(0),
    rejected: count,
    forwarded: count,
    received: count,
  }),
  sums: z.looseObject({ clicks: count, users: count }),
  state: clickState.optional(),
});

/** What a task says that it has done. */
export interface TaskCheckpoint {
  /** Number of the commit. */
  readonly sequence: number;
  /** Partitions of the click topic that it reckons with. */
  readonly partitions: number;
  /** Clicks of its own partition below this offset are dealt with. */
  readonly position: number;
  /** Where `--accept-loss` last made the task go on, if ever. What was counted before need not be in the topics. */
  readonly lossAccepted: {
    /** In its own partition of the clicks. */
    readonly input: number | undefined;
    /** In the clicks forwarded to it. */
    readonly forwards: number | undefined;
  };
  /** By origin partition: forwarded clicks that stood there below this offset are dealt with. */
  readonly marks: ReadonlyMap<number, number>;
  /** By origin partition: how many of its clicks came forwarded. Missing in checkpoints begun by older versions. */
  readonly receivedFrom: ReadonlyMap<number, number> | undefined;
  /** By topic: what the task wrote to its partition stands below this offset. */
  readonly resultEnds: ReadonlyMap<string, number>;
  readonly books: Books;
  readonly sums: Readonly<Record<string, unknown>> & { readonly clicks: number; readonly users: number };
  /** Missing in checkpoints of versions that counted totals alone. */
  readonly state?: ClickState | undefined;
}

/** What windows, sessions and de-duplication were counted with, and what they came to. Times in ms. */
export type ClickState = z.output<typeof clickState>;

/** Records that a task dealt with, by what became of them; `received` came through other tasks, `read` did not. */
export type Books = Readonly<z.output<typeof checkpointRecord>['books']>;

/** @throws Error that says what is wrong, for a value that is no checkpoint of version 1. */
export function parseCheckpoint(value: Buffer): TaskCheckpoint {
  const parsed = checkpointRecord.safeParse(JSON.parse(value.toString('utf8')));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  const { input, repartition, marks, receivedFrom, resultEnds, ...rest } = parsed.data;
  return {
    ...rest,
    position: input.position,
    lossAccepted: { input: input.lossAccepted, forwards: repartition.lossAccepted },
    marks: byPartition(marks),
    receivedFrom: receivedFrom && byPartition(receivedFrom),
    resultEnds: new Map(Object.entries(resultEnds)),
  };
}

function byPartition(values: Readonly<Record<string, number>>): ReadonlyMap<number, number> {
  return new Map(Object.entries(values).map(([index, value]) => [Number(index), value]));
}
