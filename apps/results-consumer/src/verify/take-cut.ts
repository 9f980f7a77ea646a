import { setTimeout as delay } from 'node:timers/promises';
import { describeError, KafkaClientError, type PartitionReader } from '@clickstream/kafka-client';
import { CannotVerifyError } from './cannot-verify-error.ts';
import { parseCheckpoint, type TaskCheckpoint } from './checkpoint-record.ts';
import type { Findings } from './findings.ts';

/** The topics of an aggregation. */
export interface AggregationTopics {
  readonly clicks: string;
  readonly totals: string;
  readonly pages: string;
  readonly sessions: string;
  readonly deadLetters: string;
  readonly checkpoints: string;
}

/** A task at the cut. */
export interface Task extends TaskCheckpoint {
  readonly partition: number;
  /** When the checkpoint was written, ms since the epoch. */
  readonly committedAt: number;
}

/** A moment of each task, which need not be the same moment: forwarded clicks are counted as far as the marks say. */
export type Cut = readonly Task[];

/** Checkpoints looked at first; more are only needed where markers and aborted ones stand behind the newest. */
const FIRST_WINDOW = 32;
/** The markers that end a transaction reach its partitions one after another, milliseconds apart as a rule. */
const SETTLE_LIMIT_MS = 10_000;
const SETTLE_PAUSE_MS = 100;

/**
 * Takes the newest committed checkpoint of each task. Everything that was committed to the results before has to be
 * in one of them, and everything that is in one of them has to be readable.
 *
 * @throws CannotVerifyError where no task has a checkpoint, or one does not fit the topics.
 */
export async function takeCut(
  reader: PartitionReader,
  topics: AggregationTopics,
  findings: Findings,
  signal: AbortSignal,
): Promise<Cut> {
  const partitions = await checkPartitions(reader, topics);
  const writtenTo = [topics.totals, topics.pages, topics.sessions, topics.deadLetters];
  const written = await endsOf(reader, writtenTo);
  const newest = (partition: number) => newestTask(reader, topics.checkpoints, partition);
  const found = await Promise.all(Array.from({ length: partitions }, (_, partition) => newest(partition)));

  const deadline = performance.now() + SETTLE_LIMIT_MS;
  const settle = async (first: FoundTask): Promise<FoundTask> => {
    for (let task = first; ;) {
      const uncovered = await firstUncovered(reader, task, written);
      const missing = uncovered ? undefined : firstMissing(task, await endsOf(reader, writtenTo));
      if (!uncovered && !missing) return task;
      if (performance.now() > deadline || signal.aborted) {
        if (uncovered) reportUncovered(task, uncovered, topics, findings);
        if (missing) reportMissing(task, missing, findings);
        return task;
      }
      await delay(SETTLE_PAUSE_MS);
      if (uncovered) task = await newest(task.partition);
    }
  };
  const settled = await Promise.all(found.map(settle));

  if (findings.list.length === 0 && settled.every(({ sequence }) => sequence === 0))
    throw new CannotVerifyError(
      `${topics.checkpoints} holds no checkpoint yet: nothing was counted under this APPLICATION_ID`,
    );
  for (const task of settled) {
    if (task.sequence === 0) continue;
    const where = `the checkpoint of partition ${task.partition}`;
    if (task.partitions !== partitions)
      throw new CannotVerifyError(
        `${where} was made with ${task.partitions} partitions, and ${topics.clicks} has ${partitions}`,
      );
    for (const topic of task.state ? writtenTo : [topics.totals, topics.deadLetters])
      if (!task.resultEnds.has(topic))
        throw new CannotVerifyError(
          `${where} is about ${[...task.resultEnds.keys()].join(' and ')}, not about ${topic}: set the topics' names as they are for the aggregator`,
        );
    if (task.writtenAgain !== undefined)
      findings.add(
        'checkpoints',
        task.partition,
        `${topics.checkpoints} [${task.partition}] @ ${task.offset}: checkpoint ${task.sequence} stands behind checkpoint ${task.writtenAgain}: an older one was written again`,
        { offset: task.offset },
      );
  }
  return settled;
}

interface FoundTask extends Task {
  readonly offset: number;
  /** Where the checkpoint was deleted, if the newest record is a tombstone. */
  readonly droppedAt?: number;
  /** A checkpoint that stands before this one though it is as new or newer. */
  readonly writtenAgain?: number;
}

/** A task that has done nothing yet. */
function idleTask(partition: number): FoundTask {
  return {
    partition,
    offset: 0,
    committedAt: 0,
    sequence: 0,
    partitions: 0,
    position: 0,
    lossAccepted: { input: undefined, forwards: undefined },
    marks: new Map(),
    receivedFrom: new Map(),
    resultEnds: new Map(),
    books: { read: 0, counted: 0, duplicate: 0, rejected: 0, forwarded: 0, received: 0 },
    sums: { clicks: 0, users: 0 },
  };
}

async function newestTask(reader: PartitionReader, topic: string, partition: number): Promise<FoundTask> {
  const start = Number((await reader.startOffsets(topic))[partition] ?? 0n);
  const end = Number((await reader.endOffsets(topic))[partition] ?? 0n);
  for (let window = FIRST_WINDOW, to = end; to > start; window *= 4) {
    const from = Math.max(start, to - window);
    let newest: { offset: number; committedAt: number; checkpoint: TaskCheckpoint | undefined } | undefined;
    let highest: number | undefined;
    let writtenAgain: number | undefined;
    const range = { topic, partition, from: BigInt(from), to: BigInt(to) };
    for await (const batch of reader.read(range))
      for (const record = batch.walk(); record.next();) {
        const value = record.value();
        const offset = Number(record.offset);
        const checkpoint = value ? parsed(value, `${topic} [${partition}] @ ${offset}`) : undefined;
        newest = { offset, committedAt: record.timestampMs, checkpoint };
        const sequence = checkpoint?.sequence ?? 0;
        writtenAgain = highest !== undefined && sequence <= highest ? highest : undefined;
        highest = Math.max(highest ?? 0, sequence);
      }
    if (newest?.checkpoint)
      return {
        ...newest.checkpoint,
        partition,
        offset: newest.offset,
        committedAt: newest.committedAt,
        ...(writtenAgain !== undefined && { writtenAgain }),
      };
    if (newest) return { ...idleTask(partition), droppedAt: newest.offset };
    to = from;
  }
  return idleTask(partition);
}

function parsed(value: Buffer, where: string): TaskCheckpoint {
  try {
    return parseCheckpoint(value);
  } catch (error) {
    throw new CannotVerifyError(
      `${where} is no checkpoint that this version can read: ${describeError(error)}`,
    );
  }
}

async function checkPartitions(reader: PartitionReader, topics: AggregationTopics): Promise<number> {
  const partitions = await partitionCount(reader, topics.clicks);
  for (const topic of [
    topics.totals,
    topics.pages,
    topics.sessions,
    topics.deadLetters,
    topics.checkpoints,
  ]) {
    const count = await partitionCount(reader, topic);
    if (count !== partitions)
      throw new CannotVerifyError(`${topic} has ${count} partitions and ${topics.clicks} has ${partitions}`);
  }
  return partitions;
}

async function partitionCount(reader: PartitionReader, topic: string): Promise<number> {
  try {
    return await reader.partitionCount(topic);
  } catch (error) {
    if (error instanceof KafkaClientError && error.code === 'CLICKSTREAM_KAFKA_TOPIC_MISSING')
      throw new CannotVerifyError(
        `there is no topic ${topic}: APPLICATION_ID and the names of the topics have to be those that the aggregator runs with`,
      );
    throw error;
  }
}

type Ends = ReadonlyMap<string, readonly number[]>;

async function endsOf(reader: PartitionReader, topics: readonly string[]): Promise<Ends> {
  return new Map(
    await Promise.all(
      topics.map(async (topic) => [topic, (await reader.endOffsets(topic)).map(Number)] as const),
    ),
  );
}

interface Place {
  readonly topic: string;
  readonly offset: number;
}

/** The first record that was committed to the task's partitions of these topics and that its checkpoint knows not of. */
async function firstUncovered(
  reader: PartitionReader,
  task: FoundTask,
  written: Ends,
): Promise<Place | undefined> {
  const { partition, resultEnds } = task;
  for (const [topic, ends] of written) {
    const from = Math.max(
      resultEnds.get(topic) ?? 0,
      Number((await reader.startOffsets(topic))[partition] ?? 0n),
    );
    const range = { topic, partition, from: BigInt(from), to: BigInt(ends[partition] ?? 0) };
    for await (const batch of reader.read(range)) {
      const record = batch.walk();
      if (record.next()) return { topic, offset: Number(record.offset) };
    }
  }
  return undefined;
}

/** Where a topic ends before the place that the checkpoint says was written. */
function firstMissing({ partition, resultEnds }: FoundTask, ends: Ends): Place | undefined {
  for (const [topic, offsets] of ends) {
    const offset = offsets[partition] ?? 0;
    if (offset < (resultEnds.get(topic) ?? 0)) return { topic, offset };
  }
  return undefined;
}

function reportUncovered(
  task: FoundTask,
  { topic, offset }: Place,
  topics: AggregationTopics,
  findings: Findings,
): void {
  const { partition, sequence, droppedAt } = task;
  const why =
    droppedAt === undefined
      ? sequence === 0
        ? `there is no checkpoint of it in ${topics.checkpoints}, or it is of another APPLICATION_ID`
        : `the newest checkpoint, ${sequence}, knows of none from offset ${task.resultEnds.get(topic) ?? 0} on: somebody else wrote it, or a checkpoint is gone`
      : `the checkpoint of it was deleted, ${topics.checkpoints} @ ${droppedAt}`;
  findings.add('results', partition, `${topic} [${partition}] @ ${offset} holds a record, and ${why}`, {
    offset,
  });
}

function reportMissing(
  { partition, sequence, resultEnds }: FoundTask,
  { topic, offset }: Place,
  findings: Findings,
) {
  findings.add(
    'results',
    partition,
    `${topic} [${partition}] ends at offset ${offset}, and checkpoint ${sequence} wrote up to ${resultEnds.get(topic) ?? 0}`,
    { offset },
  );
}
