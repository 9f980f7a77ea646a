import { EMPTY_BOOKS, type Checkpoint } from './checkpoint.ts';
import type { Logger } from './logger.ts';
import type { InputName, TaskLogic } from './task-logic.ts';

/**
 * Moments at which a test may end the process. `after-send` is after a request that is not the transaction's last one,
 * so that it comes in large transactions only; `commit-sent` is while nobody here knows how the commit will end.
 */
export const CRASH_POINTS = [
  'after-fence',
  'during-restore',
  'after-send',
  'after-checkpoint',
  'after-offsets',
  'commit-sent',
  'after-commit',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Told how each transaction ended and how long it took, in seconds. */
export type TransactionObserver = (outcome: 'committed' | 'failed', seconds: number) => void;

/** What all tasks of an application have in common. */
export interface TaskSettings {
  readonly log: Logger;
  /** Consumer group, and prefix of the transactional ids. */
  readonly applicationId: string;
  readonly inputTopic: string;
  readonly repartitionTopic: string;
  readonly checkpointTopic: string;
  /** Topics that state is restored from. */
  readonly resultTopics: readonly string[];
  /** Other topics written to: a task without a checkpoint refuses to start where one of them has records. */
  readonly otherTopics: readonly string[];
  readonly partitions: number;
  readonly createLogic: (partition: number) => TaskLogic;
  /** How long both inputs bring nothing before that is told as idle time, ms. */
  readonly idleTimeoutMs: number;
  /** Least time between two commits of a task, ms. */
  readonly commitIntervalMs: number;
  /** Most records written in one transaction, give or take those of one record. */
  readonly commitMaxRecords: number;
  /** Goes on where the input lost records that were not counted; without it, the task refuses. */
  readonly acceptLoss?: boolean;
  readonly onTransaction?: TransactionObserver;
  /** Called at the named moments, for tests that end the process there. */
  readonly reach?: (point: CrashPoint) => void;
}

/** What a task tells about itself. */
export interface TaskStatus {
  readonly partition: number;
  state: 'fencing' | 'restoring' | 'running' | 'stopped';
  /** Of the task and of the application. */
  books: Checkpoint['books'] & Readonly<Record<string, number>>;
  sums: Record<string, number>;
  /** Sizes of what the application holds in memory. */
  memory: Readonly<Record<string, number>>;
  /** Offsets read through so far when the task started last, and all that there were. */
  restored: number;
  restoreGoal: number;
  /** Kafka timestamp of the last record processed, ms since the epoch; 0 before the first. */
  lastIngestTimeMs: number;
  /** Offsets of each input behind its position, as of the last fetch; undefined before the first. */
  lags: Record<InputName, bigint | undefined>;
  /** The repartition topic is of no use below this offset any more, once something of it was read. */
  purgeable?: bigint;
}

/** That of a task that has not begun. */
export function freshStatus(partition: number): TaskStatus {
  return {
    partition,
    state: 'fencing',
    books: EMPTY_BOOKS,
    sums: {},
    memory: {},
    restored: 0,
    restoreGoal: 0,
    lastIngestTimeMs: 0,
    lags: { input: undefined, repartition: undefined },
  };
}
