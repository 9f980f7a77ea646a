import { setTimeout as delay } from 'node:timers/promises';
import {
  KafkaClientError,
  type FetchedBatch,
  type Logger,
  type PartitionReader,
} from '@clickstream/kafka-client';
import type { ClickViews, FeedName } from '../core/views/click-views.ts';
import { WINDOWS_MAX, windowStartOf } from '../core/views/page-windows.ts';
import { RATE_WINDOW_SECONDS } from '../core/views/click-rate.ts';
import type { FeedSilence } from './feed-silence.ts';

/** The topics that a dashboard reads; that of the checkpoints may not be there yet. */
export interface FeedTopics extends Readonly<Record<FeedName, string>> {
  readonly clicks: string;
  readonly checkpoints: string;
}

export interface FeedViewsOptions {
  readonly reader: PartitionReader;
  readonly topics: FeedTopics;
  readonly views: ClickViews;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** ms since the epoch */
  readonly now: () => number;
  /** Called after each batch that may have changed something, but for clicks: what they change is seen by and by. */
  readonly onChange: () => void;
  /** Called once everything that was there at the start is in the views, that included for which it does not wait to be ready. */
  readonly onWhole?: () => void;
  /** Called for each click as it arrives. */
  readonly onClick: (record: { readonly offset: bigint; value(): Buffer | null }, partition: number) => void;
  /** Is told of every answer for a partition that is followed. */
  readonly silence?: FeedSilence;
  /** Called for each record. */
  readonly onRecords: (feed: FeedName | 'clicks', count: number) => void;
}

const FEEDS = ['sessions', 'pages', 'totals'] as const satisfies readonly FeedName[];
/** Read only when it is ready: their topic grows with every mistake that somebody makes, and each has to be read to be counted. */
const LAST_FEED: FeedName = 'deadLetters';
/** Clicks of the past that are read for the rate, all partitions together; of some seconds on one core. */
const BACKFILL_RECORDS = 1_000_000;
/** After each batch of these, of some thousand clicks: people are served by then. */
const BACKFILL_PAUSE_MS = 25;
/**
 * Records of sessions that are read at the start, the newest, all partitions together: only the sessions that changed last are
 * kept, and there are as many as there were visits.
 */
const SESSION_RECORDS = 60_000;
/** Records of pages that are looked at first, looking backwards; more until there are enough windows. */
const PAGE_RECORDS = 4_096n;
/**
 * Windows that are looked for: those that were open where it begins may be there in part only, so it begins with as many more
 * as are kept.
 */
const PAGE_WINDOWS = 2 * WINDOWS_MAX;
const LAG_INTERVAL_MS = 1_000;
/** So much lag is known well enough when looked at now and then; each look fetches some MB. */
const LARGE_LAG_RECORDS = 100_000;
const LARGE_LAG_INTERVAL_MS = 5_000;
const CHECKPOINT_RETRY_MS = 2_000;
/** Checkpoints read at first, looking backwards; more until one is found. */
const CHECKPOINT_WINDOW = 16n;

/**
 * Keeps the views: reads the topics of the results from their start (of the sessions and windows the newest) and the newest
 * checkpoints, which makes them ready; after that the dead letters and, for the rate, the clicks of the past; and everything as it is
 * committed.
 * Ends when `signal` aborts; rejects with what the reader throws.
 */
export async function feedViews(options: FeedViewsOptions): Promise<void> {
  const { reader, topics, views, signal, now, onChange } = options;
  const clickEnds = await reader.endOffsets(topics.clicks);
  const startedAtMs = now();
  const ends = new Map<FeedName, bigint[]>();
  for (const feed of [...FEEDS, LAST_FEED]) ends.set(feed, await reader.endOffsets(topics[feed]));

  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  const running: Promise<unknown>[] = [];
  const run = (work: Promise<unknown>) => {
    work.catch(fail);
    running.push(work);
  };
  const clicks = clickEnds.map((from, partition) =>
    begin((isBegun) => followClicks(options, partition, from, isBegun)),
  );
  const checkpoints = begin((isBegun) => followCheckpoints(options, isBegun));
  // Before these are known, all clicks that there are seem to wait.
  const known = Promise.all([checkpoints, ...clicks].map(({ begun }) => begun));
  const lag = begin((isBegun) => watchLag(options, known, isBegun));
  for (const { ended } of [...clicks, checkpoints, lag]) run(ended);
  // One after the other: the reader fetches megabytes of each partition at a time.
  const catchUp = async (feed: FeedName) => {
    const { caughtUp, followed } = await followFeed(options, feed, ends.get(feed) ?? []);
    run(followed);
    await Promise.race([caughtUp, followed]);
  };
  for (const feed of FEEDS) await Promise.race([catchUp(feed), failed]);
  await Promise.race([checkpoints.begun, checkpoints.ended, failed]);
  if (!signal.aborted) {
    views.setReady(now());
    onChange();
    const backfilled = backfillRate(options, clickEnds, startedAtMs);
    run(backfilled);
    await Promise.race([catchUp(LAST_FEED), failed]);
    views.deadLetters.setComplete();
    onChange();
    await Promise.race([Promise.all([backfilled, Promise.race([lag.begun, lag.ended])]), failed]);
  }
  if (!signal.aborted) options.onWhole?.();
  await Promise.race([failed, Promise.all(running)]);
}

/** Work that goes on: `begun` once it says so, `ended` when the signal aborts or it fails. */
function begin(work: (isBegun: () => void) => Promise<unknown>): {
  readonly begun: Promise<unknown>;
  readonly ended: Promise<unknown>;
} {
  const { promise: begun, resolve } = Promise.withResolvers<undefined>();
  const ended = work(() => {
    resolve(undefined);
  });
  return { begun, ended };
}

/** Follows all partitions of a topic: `caughtUp` once what was there at the start is read, `followed` never but by failing. */
async function followFeed(
  options: FeedViewsOptions,
  feed: FeedName,
  ends: readonly bigint[],
): Promise<{ caughtUp: Promise<unknown>; followed: Promise<unknown> }> {
  const starts = await options.reader.startOffsets(options.topics[feed]);
  const newest = BigInt(Math.ceil(SESSION_RECORDS / ends.length));
  const beginOf = async (end: bigint, partition: number) => {
    const start = starts[partition] ?? 0n;
    if (feed === 'pages') return newestWindowsFrom(options, { partition, from: start, end });
    if (feed !== 'sessions' || end - start <= newest) return start;
    options.views.sessions.setIncomplete();
    return end - newest;
  };
  const froms = await Promise.all(ends.map(beginOf));
  const partitions = ends.map((end, partition) => {
    const { promise: caughtUp, resolve } = Promise.withResolvers<undefined>();
    const from = froms[partition] ?? 0n;
    const followed = followPartition(options, feed, { partition, from, end }, () => {
      resolve(undefined);
    });
    return { caughtUp, followed };
  });
  return {
    caughtUp: Promise.all(partitions.map(({ caughtUp }) => caughtUp)),
    followed: Promise.all(partitions.map(({ followed }) => followed)),
  };
}

interface Stretch {
  readonly partition: number;
  readonly from: bigint;
  /** Where the partition ended at the start. */
  readonly end: bigint;
}

/** Where to begin in a partition so that its newest windows are there whole: the topic holds those of weeks. */
async function newestWindowsFrom(
  { reader, topics, signal }: FeedViewsOptions,
  { partition, from: start, end }: Stretch,
): Promise<bigint> {
  const topic = topics.pages;
  const windows = new Set<string>();
  let from = end;
  for (let span = PAGE_RECORDS; from > start && windows.size < PAGE_WINDOWS && !signal.aborted; span *= 4n) {
    const to = from;
    from = to - span > start ? to - span : start;
    try {
      for await (const batch of reader.read({ topic, partition, from, to }, signal))
        for (const record = batch.walk(); record.next();) {
          const window = windowStartOf(record.key());
          if (window !== undefined) windows.add(window);
        }
    } catch (error) {
      return startAfterRetention(reader, topic, partition, from, error);
    }
  }
  return from;
}

async function followPartition(
  { reader, topics, views, log, signal, silence, now, onChange, onRecords }: FeedViewsOptions,
  feed: FeedName,
  { partition, from, end }: Stretch,
  onCaughtUp: () => void,
): Promise<void> {
  const topic = topics[feed];
  silence?.heard(topic, partition);
  if (from >= end) onCaughtUp();
  for (let position = from; ;) {
    try {
      for await (const batch of reader.read({ topic, partition, from: position }, signal)) {
        const nowMs = now();
        let count = 0;
        for (const record = batch.walk(); record.next(); count += 1) views.apply(feed, record, nowMs);
        position = batch.nextOffset;
        silence?.heard(topic, partition);
        if (position >= end) onCaughtUp();
        if (count > 0) {
          onRecords(feed, count);
          onChange();
        }
      }
      return;
    } catch (error) {
      position = await startAfterRetention(reader, topic, partition, position, error);
      log.warn(`${topic} [${partition}]: retention was faster than this reader, going on at ${position}`);
    }
  }
}

/** Where to go on when retention has removed what was to be read next. @throws any other error */
async function startAfterRetention(
  reader: PartitionReader,
  topic: string,
  partition: number,
  position: bigint,
  error: unknown,
): Promise<bigint> {
  if (error instanceof KafkaClientError && error.code === 'CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE') {
    const { start } = await reader.logBounds(topic, partition);
    if (start > position) return start;
  }
  throw error;
}

/** The clicks from an offset on; begun once it is known what of the partition may be read. */
async function followClicks(
  options: FeedViewsOptions,
  partition: number,
  from: bigint,
  isBegun: () => void,
): Promise<void> {
  const { reader, topics, views, log, signal, silence, now, onClick, onRecords } = options;
  const topic = topics.clicks;
  silence?.heard(topic, partition);
  const note = ({ logStartOffset, lastStableOffset }: FetchedBatch) => {
    views.lag.setBounds(partition, Number(logStartOffset), Number(lastStableOffset));
  };
  for (let position = from; ;) {
    try {
      for await (const batch of reader.read({ topic, partition, from: position }, signal)) {
        const nowMs = now();
        let count = 0;
        for (const record = batch.walk(); record.next(); count += 1) {
          views.rate.add(record.timestampMs, nowMs);
          views.lag.noteClick(partition, Number(record.offset), record.timestampMs);
          onClick(record, partition);
        }
        position = batch.nextOffset;
        note(batch);
        silence?.heard(topic, partition);
        isBegun();
        // A change by itself would be shown at once, and the total that counts these clicks only after the pause that follows.
        if (count > 0) onRecords('clicks', count);
      }
      return;
    } catch (error) {
      position = await startAfterRetention(reader, topic, partition, position, error);
      log.warn(`${topic} [${partition}]: retention was faster than this reader, going on at ${position}`);
    }
  }
}

/** Adds the clicks of the last 15 minutes before the start to the rate, or the newest million of them. */
async function backfillRate(
  { reader, topics, views, signal, now, onChange }: FeedViewsOptions,
  ends: readonly bigint[],
  startedAtMs: number,
): Promise<void> {
  const sinceMs = startedAtMs - RATE_WINDOW_SECONDS * 1_000;
  const since = await reader.offsetsAtTime(topics.clicks, sinceMs);
  const most = BigInt(Math.ceil(BACKFILL_RECORDS / ends.length));
  let knownSinceMs = sinceMs;
  await Promise.all(
    ends.map(async (to, partition) => {
      const wanted = since[partition] ?? to;
      let position = to - wanted > most ? to - most : wanted;
      let isFirst = position > wanted;
      while (position < to && !signal.aborted)
        try {
          for await (const batch of reader.read(
            { topic: topics.clicks, partition, from: position, to },
            signal,
          )) {
            for (const record = batch.walk(); record.next();) {
              if (isFirst) knownSinceMs = Math.max(knownSinceMs, record.timestampMs);
              isFirst = false;
              views.rate.addPast(record.timestampMs, now());
            }
            position = batch.nextOffset;
            await delay(BACKFILL_PAUSE_MS);
          }
          return;
        } catch (error) {
          position = await startAfterRetention(reader, topics.clicks, partition, position, error);
          // What is gone cannot be counted any more.
          isFirst = true;
        }
    }),
  );
  if (signal.aborted) return;
  views.rate.extendTo(knownSinceMs);
  onChange();
}

/** The checkpoints of all partitions; begun once the newest of each is there, or it is clear that there are none. */
async function followCheckpoints(options: FeedViewsOptions, isBegun: () => void): Promise<void> {
  const { reader, topics, signal } = options;
  const topic = topics.checkpoints;
  for (;;) {
    try {
      const ends = await reader.endOffsets(topic);
      const followed = ends.map((end, partition) =>
        begin((isFound) => followCheckpoint(options, partition, end, isFound)),
      );
      void Promise.all(followed.map(({ begun }) => begun)).then(isBegun);
      await Promise.all(followed.map(({ ended }) => ended));
      return;
    } catch (error) {
      // The aggregator makes it when it starts for the first time.
      if (!(error instanceof KafkaClientError) || error.code !== 'CLICKSTREAM_KAFKA_TOPIC_MISSING')
        throw error;
    }
    isBegun();
    try {
      await delay(CHECKPOINT_RETRY_MS, undefined, { signal, ref: false });
    } catch {
      return;
    }
  }
}

/** The newest checkpoint there is, then each newer one; those between need not be seen. */
async function followCheckpoint(
  options: FeedViewsOptions,
  partition: number,
  end: bigint,
  isBegun: () => void,
): Promise<void> {
  const { reader, topics, views, signal, silence, onChange } = options;
  const topic = topics.checkpoints;
  const take = (batch: FetchedBatch) => {
    let newest: Buffer | null | undefined;
    for (const record = batch.walk(); record.next();) newest = record.value();
    if (newest === undefined) return false;
    views.books.apply(partition, newest);
    onChange();
    return true;
  };
  const { start } = await reader.logBounds(topic, partition);
  let isFound = false;
  let position = end;
  for (let window = CHECKPOINT_WINDOW; position > start && !isFound; window *= 4n) {
    const to = position;
    position = to - window > start ? to - window : start;
    try {
      for await (const batch of reader.read({ topic, partition, from: position, to }, signal))
        isFound = take(batch) || isFound;
    } catch (error) {
      await startAfterRetention(reader, topic, partition, position, error);
      return followCheckpoint(options, partition, end, isBegun);
    }
  }
  isBegun();
  silence?.heard(topic, partition);
  for (position = end; ;)
    try {
      for await (const batch of reader.read({ topic, partition, from: position }, signal)) {
        take(batch);
        silence?.heard(topic, partition);
        position = batch.nextOffset;
      }
      return;
    } catch (error) {
      position = await startAfterRetention(reader, topic, partition, position, error);
    }
}

/** Looks up how old the first click is that is not counted, of each partition that has one; begun once it did so. */
async function watchLag(
  { reader, topics, views, signal }: FeedViewsOptions,
  known: Promise<unknown>,
  isBegun: () => void,
): Promise<void> {
  const aborted = new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', resolve, { once: true });
  });
  await Promise.race([known, aborted]);
  while (!signal.aborted) {
    const stretches = views.lag.waiting();
    const records = stretches.reduce((sum, { from, to }) => sum + to - from, 0);
    await Promise.all(
      stretches.map(async (waiting) => {
        const { partition } = waiting;
        const range = { from: BigInt(waiting.from), to: BigInt(waiting.to) };
        try {
          views.lag.noteOldest(
            waiting,
            await firstTimestampMs(reader, topics.clicks, { partition, ...range }, signal),
          );
        } catch (error) {
          // Retention or the counting was faster: the next look begins elsewhere.
          if (!(error instanceof KafkaClientError) || error.code !== 'CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE')
            throw error;
        }
      }),
    );
    isBegun();
    try {
      const pauseMs = records > LARGE_LAG_RECORDS ? LARGE_LAG_INTERVAL_MS : LAG_INTERVAL_MS;
      await delay(pauseMs, undefined, { signal, ref: false });
    } catch {
      return;
    }
  }
}

/** The Kafka timestamp of the first record of a stretch, ms since the epoch; undefined if there is none. */
async function firstTimestampMs(
  reader: PartitionReader,
  topic: string,
  range: { partition: number; from: bigint; to: bigint },
  signal: AbortSignal,
): Promise<number | undefined> {
  for await (const batch of reader.read({ topic, ...range }, signal)) {
    const record = batch.walk();
    if (record.next()) return record.timestampMs;
  }
  return undefined;
}
