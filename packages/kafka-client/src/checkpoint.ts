import { z } from 'zod';
import { describeError, KafkaClientError } from './error.ts';
import type { PartitionReader } from './partition-reader.ts';

const offset = z
  .string()
  .regex(/^\d+$/)
  .transform((digits) => BigInt(digits));
const count = z.int().min(0);
const partition = z.string().regex(/^\d+$/);

/** Where one input of a task stands. */
const inputState = z.object({
  /** The next offset to read. */
  position: offset,
  /** What the group's offset is as of this transaction, which may lag behind the position; none before the first. */
  groupOffset: offset.optional(),
  /** The record batch last read from, to recognise a topic that was made anew; none before the first record. */
  lastBatch: z.object({ baseOffset: offset, crc: z.int() }).optional(),
  /** The position at which `--accept-loss` last let the task go on; since then the input does not prove the totals. */
  lossAccepted: offset.optional(),
  /** Below the position, the lowest offset that memory is rebuilt from; the position if left out. */
  rebuildFrom: offset.optional(),
});

const checkpointSchema = z.object({
  version: z.literal(1),
  sequence: count,
  /** Partitions of the input topic: with another number every user's home moves. */
  partitions: z.int().min(1),
  input: inputState,
  repartition: inputState,
  /** By origin partition, the origin offset behind the last forwarded record read from there. */
  marks: z.record(partition, offset),
  /** By origin partition, how many records that were forwarded from there were read; checkpoints begun by older versions lack it. */
  receivedFrom: z.record(partition, count).optional(),
  /** By result topic, the offset behind this transaction's last write. */
  resultEnds: z.record(z.string(), offset),
  /** By result topic, the lowest offset that state is restored from; the beginning if left out. */
  resultsFrom: z.record(z.string(), offset).default({}),
  books: z.object({
    read: count,
    counted: count,
    duplicate: count.default(0),
    rejected: count,
    forwarded: count,
    /** Records read from the repartition topic, which are not in `read`. */
    received: count,
  }),
  /** Sums over the restored state that the application asserts, such as Σ totals and number of users. */
  sums: z.record(z.string(), z.number()),
  /** What else the application knows. */
  state: z.unknown(),
});

/** Where one input of a task stands, as in its checkpoint. */
export type InputState = z.output<typeof inputState>;

/** What a task knew at its last commit: everything needed to go on as if nothing had happened. */
export type Checkpoint = z.output<typeof checkpointSchema>;

/** The books of a task that has read nothing. */
export const EMPTY_BOOKS: Checkpoint['books'] = {
  read: 0,
  counted: 0,
  duplicate: 0,
  rejected: 0,
  forwarded: 0,
  received: 0,
};

/** That of a task that has done nothing yet. */
export function emptyCheckpoint(partitions: number): Checkpoint {
  return {
    version: 1,
    sequence: 0,
    partitions,
    input: { position: 0n },
    repartition: { position: 0n },
    marks: {},
    receivedFrom: {},
    resultEnds: {},
    resultsFrom: {},
    books: EMPTY_BOOKS,
    sums: {},
    state: undefined,
  };
}

/** A checkpoint as it stands in its record; offsets are decimal strings. */
export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  return Buffer.from(
    JSON.stringify(checkpoint, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)),
  );
}

/** @throws KafkaClientError `CLICKSTREAM_KAFKA_REFUSED` for a value that is no checkpoint of a version known here. */
export function decodeCheckpoint(value: Buffer, where: string): Checkpoint {
  try {
    return checkpointSchema.parse(JSON.parse(value.toString('utf8')));
  } catch (error) {
    throw new KafkaClientError(
      'CLICKSTREAM_KAFKA_REFUSED',
      `${where} holds no checkpoint that this version can read: ${describeError(error)}`,
      { cause: error },
    );
  }
}

/** Checkpoints read at first; doubled until one is found, since behind the last one there are only markers. */
const FIRST_WINDOW = 16n;

/** The newest committed checkpoint of a task, looked for backwards from the last stable offset, and that offset. */
export async function readCheckpoint(
  reader: Pick<PartitionReader, 'logBounds' | 'read'>,
  topic: string,
  partition: number,
): Promise<{ readonly checkpoint: Checkpoint | undefined; readonly end: bigint }> {
  const { start, end } = await reader.logBounds(topic, partition);
  for (let window = FIRST_WINDOW, to = end; to > start; window *= 2n) {
    const from = to - window > start ? to - window : start;
    let newest: Buffer | null | undefined;
    for await (const batch of reader.read({ topic, partition, from, to }))
      for (const record = batch.walk(); record.next();) newest = record.value();
    // A tombstone: somebody deleted the checkpoint, and an older one would count again what it did not cover.
    if (newest === null) break;
    if (newest) return { checkpoint: decodeCheckpoint(newest, `${topic} [${partition}]`), end };
    to = from;
  }
  return { checkpoint: undefined, end };
}
