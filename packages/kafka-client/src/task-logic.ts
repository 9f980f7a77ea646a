import type { RecordCursor } from './fetched-batch.ts';
import type { RecordOrigin } from './forwarding.ts';
import type { OutgoingRecord } from './record-producer.ts';

/** The two inputs of a task. */
export type InputName = 'input' | 'repartition';

/** What became of a record; each is counted in the books under its name. */
export type RecordVerdict = 'counted' | 'duplicate' | 'rejected' | 'forwarded';

/** Where a forwarded record was read first; `'unknown'` when its headers do not say, so that it was not us who forwarded it. */
export type ForwardedFrom = RecordOrigin | 'unknown' | undefined;

/** Where the application puts what a record leads to; all of it is written in the task's next transaction. */
export interface TaskOutput {
  /**
   * A record for the task's own partition of a result or dead-letter topic.
   *
   * @returns the offset at which it will stand.
   */
  write(record: Omit<OutgoingRecord, 'partition'>): bigint;
  /** Sends the record on to the partition where it is at home, under the given key. */
  forward(record: RecordCursor, homePartition: number, key: Buffer): void;
  /**
   * Whether the next transaction holds as much as one should, what is held back included. What can be written later
   * without a change of meaning is then to be left to the next ones, as {@link TaskLogic.isClosing} says.
   */
  isFull(): boolean;
}

/**
 * What an application does with the records of one task: synchronous, and thrown away as a whole with its state
 * whenever the task has to start again. After a start over a checkpoint come `resume`, `restore` of the results, and
 * `rebuild` from the inputs; without one, none of them.
 */
export interface TaskLogic {
  /** Takes over what `snapshot` said at the checkpoint; undefined if that was written before there was any. */
  resume(snapshot: unknown): void;
  /**
   * Takes over a committed record of a result topic, in offset order.
   *
   * @throws Error for a record that it cannot take over: then the task refuses to go on.
   */
  restore(topic: string, record: RecordCursor): void;
  /** Takes what memory needs of a record that was processed before; decides nothing anew and writes nothing. */
  rebuild(record: RecordCursor, forwardedFrom: ForwardedFrom): void;
  /**
   * Records that `rebuild` should have seen are gone.
   *
   * @param gone those of one input below an offset; if left out, nobody knows which.
   */
  rebuildIsPartial(gone?: { readonly input: InputName; readonly below: bigint }): void;
  /** Handles one record. */
  process(record: RecordCursor, forwardedFrom: ForwardedFrom, output: TaskOutput): RecordVerdict;
  /** Told after each batch: whether the input is read up to its end. */
  caughtUp(input: InputName, isCaughtUp: boolean): void;
  /**
   * The inputs have been idle for `idleMs` more.
   *
   * @param wallClockMs now, ms since the epoch.
   * @returns whether that changed anything that has to be committed.
   */
  idle(idleMs: number, wallClockMs: number, output: TaskOutput): boolean;
  /** The idle period has begun anew: time told before counts no more. */
  idleEnded?(): void;
  /** Writes what was held back to be written once per transaction. */
  flush(output: TaskOutput): void;
  /** Records that `flush` would write now. */
  readonly heldBack: number;
  /** Their bytes, by estimate. */
  readonly heldBackBytes: number;
  /**
   * Whether more has become final than one transaction should hold, so that some of it is left to the next ones: these follow
   * at once, and until it is false again nothing is processed and no idle time is told, also after a restart.
   */
  readonly isClosing: boolean;
  /** What goes into the checkpoint, as plain JSON; called after `flush`. */
  snapshot(): unknown;
  /** The lowest offset of that input that `rebuild` has to see, at most `position`; called after `flush`. */
  rebuildFrom(input: InputName, position: bigint): bigint;
  /** The lowest offset of each result topic that `restore` has to see, those left out from their beginning; called after `flush`. */
  resultsFrom(): Readonly<Record<string, bigint>>;
  /** Sums over the state, asserted against the checkpoint after a restore. */
  sums(): Record<string, number>;
  /** What became of counted records, as the application has it; shown beside the books of the task. */
  books?(): Readonly<Record<string, number>>;
  /** Sizes of what is held in memory, to be shown. */
  memory?(): Readonly<Record<string, number>>;
}
