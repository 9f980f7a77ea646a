import type { FetchedBatch, PartitionReader, RecordCursor } from '@clickstream/kafka-client';
import { Newest } from '../core/newest.ts';
import type { PrintLines } from './line-printer.ts';
import { mergeByTime, type TimedLine } from './merge-by-time.ts';

/**
 * Where to begin: with the first record of that Kafka timestamp (ms since the epoch) or a later one in each
 * partition, with the newest `last` lines of the topic, or with the newest `last` of those; with neither, with the
 * first record that there is.
 */
export interface Beginning {
  readonly fromTimestampMs?: number;
  readonly last?: number;
}

/** The line that shows a record; undefined for a record that is not to be shown. */
export type RenderRecord = (record: RecordCursor, partition: number) => string | undefined;

export interface FollowTopicOptions {
  readonly reader: PartitionReader;
  readonly topic: string;
  readonly beginning: Beginning;
  /** Ends with what is there at the beginning. */
  readonly endsWithPast?: boolean;
  readonly render: RenderRecord;
  readonly print: PrintLines;
  readonly signal: AbortSignal;
  /** Called once it is settled where to begin: whatever is written from then on is shown. */
  readonly onReady: (partitions: number) => void;
}

/** How many lines of the past go to the printer together. */
const PAST_LINES = 500;
/** How far back a search for the newest lines looks first, in offsets per line wanted and at least. */
const FIRST_SPAN_PER_LINE = 2n;
const FIRST_SPAN_MIN = 1_000n;

/**
 * Prints the lines of a topic: first those of the past that `beginning` asks for, in order of time, then each batch
 * as it arrives, unless it `endsWithPast`. Ends when `signal` aborts; rejects with what the reader throws.
 */
export async function followTopic(options: FollowTopicOptions): Promise<void> {
  const { reader, topic, beginning, endsWithPast, print, signal } = options;
  const ends = await reader.endOffsets(topic);
  const starts = await startOffsets(options, ends);
  options.onReady(ends.length);

  const past = ends.map((to, partition) => ({ partition, from: starts[partition] ?? to, to }));
  if (beginning.last === undefined) await printPast(options, past);
  else await printNewest(options, past, beginning.last);

  if (endsWithPast) return;
  await Promise.all(
    ends.map(async (from, partition) => {
      for await (const batch of reader.read({ topic, partition, from }, signal))
        await print(linesOf(options, batch));
    }),
  );
}

/** Offsets `[from, to)` of a partition. */
interface Stretch {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

async function startOffsets(
  { reader, topic, beginning }: FollowTopicOptions,
  ends: readonly bigint[],
): Promise<bigint[]> {
  if (beginning.fromTimestampMs === undefined) return reader.startOffsets(topic);
  const found = await reader.offsetsAtTime(topic, beginning.fromTimestampMs);
  // What was written meanwhile may have a timestamp before ours, if clocks differ, and is shown all the same.
  return found.map((offset, partition) => smaller(offset, ends[partition] ?? offset));
}

async function* timedLines(
  { reader, topic, render, signal }: FollowTopicOptions,
  stretch: Stretch,
): AsyncGenerator<TimedLine, void> {
  for await (const batch of reader.read({ topic, ...stretch }, signal)) {
    const record = batch.walk();
    while (record.next()) {
      const line = render(record, stretch.partition);
      if (line !== undefined) yield { timestampMs: record.timestampMs, line };
    }
  }
}

/**
 * The newest lines of a stretch, oldest first. It cannot be told from offsets where they begin, since records may be
 * filtered out, aborted or compacted away: looks back further and further, reading nothing twice.
 */
async function newestLines(
  options: FollowTopicOptions,
  stretch: Stretch,
  limit: number,
): Promise<TimedLine[]> {
  let lines: TimedLine[] = [];
  let span = BigInt(limit) * FIRST_SPAN_PER_LINE;
  if (span < FIRST_SPAN_MIN) span = FIRST_SPAN_MIN;
  for (let to = stretch.to; to > stretch.from && lines.length < limit; span *= 4n) {
    const from = to - span > stretch.from ? to - span : stretch.from;
    const newest = new Newest<TimedLine>(limit - lines.length);
    for await (const line of timedLines(options, { ...stretch, from, to })) newest.push(line);
    lines = [...newest.items(), ...lines];
    to = from;
  }
  return lines;
}

async function printPast(options: FollowTopicOptions, past: readonly Stretch[]): Promise<void> {
  let lines: string[] = [];
  for await (const { line } of mergeByTime(past.map((stretch) => timedLines(options, stretch)))) {
    lines.push(line);
    if (lines.length < PAST_LINES) continue;
    await options.print(lines);
    lines = [];
  }
  await options.print(lines);
}

async function printNewest(
  options: FollowTopicOptions,
  past: readonly Stretch[],
  limit: number,
): Promise<void> {
  const newest = new Newest<string>(limit);
  const candidates = await Promise.all(past.map((stretch) => newestLines(options, stretch, limit)));
  for await (const { line } of mergeByTime(candidates.map((lines) => lines.values()))) newest.push(line);
  await options.print(newest.items());
}

function* linesOf({ render }: FollowTopicOptions, batch: FetchedBatch): Generator<string, void> {
  const record = batch.walk();
  while (record.next()) {
    const line = render(record, batch.partition);
    if (line !== undefined) yield line;
  }
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
