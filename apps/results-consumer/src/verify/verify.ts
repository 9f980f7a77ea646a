import { setTimeout as delay } from 'node:timers/promises';
import type { PartitionReader } from '@clickstream/kafka-client';
import { AcknowledgedRanges } from './acknowledged-ranges.ts';
import { CannotVerifyError } from './cannot-verify-error.ts';
import { areReceiptsKnown, checkBooks, sumOfBooks } from './check-books.ts';
import { checkSums } from './check-sums.ts';
import { comparePages } from './compare-pages.ts';
import { compareSessions } from './compare-sessions.ts';
import { compareTotals, wasRemoved } from './compare-totals.ts';
import type { Completeness } from './completeness.ts';
import { DeadLetters } from './dead-letters.ts';
import type { ClickState } from './checkpoint-record.ts';
import { Findings, type Check, type Finding } from './findings.ts';
import { PageResults } from './page-results.ts';
import type { Manifest } from './read-manifest.ts';
import type { ReadProgress } from './read-progress.ts';
import { readResults } from './read-results.ts';
import { readTotals, type TotalsSum } from './read-totals.ts';
import { recountClicks, type LogBounds } from './recount-clicks.ts';
import type { Report } from './report.ts';
import { SessionResults } from './session-results.ts';
import { isRangeUnknown } from './settings-in-force.ts';
import { takeCut, type AggregationTopics, type Cut } from './take-cut.ts';
import { Tallies } from './tallies.ts';

export interface VerifyOptions {
  readonly reader: PartitionReader;
  readonly topics: AggregationTopics;
  /** What has to be in the log and in the totals. */
  readonly manifest?: Manifest | undefined;
  readonly progress: ReadProgress;
  readonly signal: AbortSignal;
}

/** Cuts taken until the results below one were not touched by compaction. */
const CUT_LIMIT = 4;
/** How long the tasks may stand still before they have counted what a producer had acknowledged. */
const MANIFEST_WAIT_MS = 10_000;
const MANIFEST_POLL_MS = 200;

/**
 * Proves totals, windows and sessions, without stopping anything:
 *
 * 1. **Cut**: the newest checkpoint of each task says how far it has read, and where its results end.
 * 2. **Results**: read what was published below that, before compaction removes it.
 * 3. **Recount**: read the dead letters, then the clicks that the checkpoints cover, and count them anew.
 * 4. **Compare**: totals, windows, sessions, sums, books, positions, dead letters, and what a producer had acknowledged.
 *
 * @throws CannotVerifyError, or what the reader throws, when there is nothing to compare.
 */
export async function verify(options: VerifyOptions): Promise<Report> {
  const { reader, topics, manifest, progress, signal } = options;
  const startedAt = performance.now();
  if (manifest) await untilCounted(options, manifest);
  const { cut, cuts, tallies, sums, pages, sessions, starts, problems } = await readResultsAtCut(options);
  const gaps = new Findings();
  const deadLetters = await DeadLetters.read(reader, topics, cut, problems, progress, signal);
  const bounds = await boundsOf(reader, topics.clicks);
  const acknowledged = manifest && new AcknowledgedRanges(manifest, cut, bounds, problems, gaps);
  const recounts = await recountClicks(
    reader,
    topics.clicks,
    bounds,
    cut,
    { tallies, pages, deadLetters },
    acknowledged,
    progress,
    signal,
  );
  signal.throwIfAborted();
  deadLetters.finish(cut, (partition, offset) => offset >= (bounds[partition]?.start ?? 0), gaps);
  const wholeness = checkBooks({ cut, bounds, letters: deadLetters.counts, recounts }, problems, gaps);
  const { users, differing, removed } = compareTotals(tallies, wholeness, sums, problems, gaps);
  checkSums(topics.totals, cut, sums, removed, problems, gaps);
  const completeness = cut.map(({ partition }): Completeness => ({
    clicks: wholeness.input[partition] === true && areReceiptsKnown(wholeness, partition),
    letters: wholeness.letters[partition] === true,
    copies: recounts[partition]?.areCopiesKnown === true,
  }));
  const comparedPages = comparePages(pages, cut, completeness, starts.pages, problems, gaps);
  const comparedSessions = compareSessions(sessions, cut, completeness, starts.sessions, problems, gaps);
  reportUnchecked(cut, gaps);
  if (manifest && acknowledged) {
    acknowledged.finish();
    checkAcknowledgedUsers(manifest, acknowledged.pending, tallies, { cut, sums }, problems, gaps);
  }

  const books = sumOfBooks(cut);
  return {
    verdict: problems.list.length > 0 ? 'fail' : gaps.list.length > 0 ? 'unchecked' : 'pass',
    // Whose result is wrong matters most to a person.
    problems: problems.list.toSorted((one, other) => rankOf(one) - rankOf(other)),
    gaps: gaps.list,
    users,
    differing,
    windows: comparedPages,
    sessions: comparedSessions,
    clicks: {
      ...books,
      ...sumOfLate(cut),
      inFlight: recounts.reduce((sum, { inFlight }) => sum + inFlight, 0),
      notReadYet: cut.reduce((sum, { partition, position }) => sum + behind(position, bounds[partition]), 0),
    },
    ...(manifest && { manifest: { run: manifest.run, clicks: manifest.clicks } }),
    cut: cut.map(({ partition, sequence, position, resultEnds }) => ({
      partition,
      checkpoint: sequence,
      position,
      resultEnd: resultEnds.get(topics.totals) ?? 0,
    })),
    cuts,
    seconds: Math.round(performance.now() - startedAt) / 1000,
  };
}

interface ResultsAtCut {
  readonly cut: Cut;
  readonly cuts: number;
  readonly tallies: Tallies;
  readonly sums: readonly TotalsSum[];
  readonly pages: PageResults;
  readonly sessions: SessionResults;
  /** By partition, the first offset that retention has left of the windowed results. */
  readonly starts: { readonly pages: readonly number[]; readonly sessions: readonly number[] };
  readonly problems: Findings;
}

async function readResultsAtCut({ reader, topics, progress, signal }: VerifyOptions): Promise<ResultsAtCut> {
  for (let cuts = 1; ; cuts++) {
    const problems = new Findings();
    const cut = await takeCut(reader, topics, problems, signal);
    const tallies = new Tallies(cut.length);
    const sums = await readTotals(reader, topics.totals, cut, tallies, problems, progress, signal);
    signal.throwIfAborted();
    if (sums.some(({ isCompacted }) => isCompacted) && cuts < CUT_LIMIT) continue;
    const pages = new PageResults(topics.pages, cut, problems);
    const sessions = new SessionResults(topics.sessions, tallies, problems);
    const read = (topic: string, target: PageResults | SessionResults) =>
      readResults(reader, topic, cut, progress, signal, (task, record) => {
        target.take(task, record);
      });
    const starts = {
      pages: await read(topics.pages, pages),
      sessions: await read(topics.sessions, sessions),
    };
    signal.throwIfAborted();
    const isCompacted = cut.some((task) => pages.isCompacted(task)) || sessions.isCompacted(cut);
    if (isCompacted && cuts < CUT_LIMIT) continue;
    return { cut, cuts, tallies, sums, pages, sessions, starts, problems };
  }
}

/** Waits until the tasks have read what was acknowledged, for as long as they get on. */
async function untilCounted({ reader, topics, signal }: VerifyOptions, manifest: Manifest): Promise<void> {
  if (manifest.topic !== topics.clicks)
    throw new CannotVerifyError(`the manifest is about topic ${manifest.topic}, not about ${topics.clicks}`);
  const bounds = await boundsOf(reader, topics.clicks);
  let lastSum = -1;
  for (let movedAt = performance.now(); ;) {
    const cut = await takeCut(reader, topics, new Findings(), signal);
    const isCounted = [...manifest.ranges].every(([partition, ranges]) =>
      ranges.every(
        ({ offset, clicks }) =>
          Math.min(offset + clicks, bounds[partition]?.end ?? 0) <= (cut[partition]?.position ?? 0),
      ),
    );
    const sum = cut.reduce((positions, { position }) => positions + position, 0);
    if (sum > lastSum) movedAt = performance.now();
    lastSum = sum;
    if (isCounted || performance.now() - movedAt > MANIFEST_WAIT_MS) return;
    await delay(MANIFEST_POLL_MS, undefined, { signal });
  }
}

function checkAcknowledgedUsers(
  manifest: Manifest,
  pending: number,
  tallies: Tallies,
  { cut, sums }: Pick<ResultsAtCut, 'cut' | 'sums'>,
  problems: Findings,
  gaps: Findings,
): void {
  if (pending > 0) {
    gaps.add(
      'manifest',
      undefined,
      `${pending} of ${manifest.clicks} acknowledged clicks are not counted yet`,
    );
    return;
  }
  const isInputLossy = cut.some(({ lossAccepted }) => lossAccepted.input !== undefined);
  for (const [userId, clicks] of manifest.users) {
    const tally = tallies.of(userId);
    const { home, published, recounted } = tally;
    // A total that compaction removed was as great as the clicks say.
    const total = sums[home]?.isCompacted === true && wasRemoved(tally) ? recounted : published;
    const isLossy = isInputLossy || cut[home]?.lossAccepted.forwards !== undefined;
    if (total < clicks)
      (isLossy ? gaps : problems).addRecord(
        'fewer than acknowledged',
        'manifest',
        home,
        `user ${JSON.stringify(userId)} in partition ${home}: ${clicks} clicks were acknowledged, and the total is ${total}`,
        { user: userId, expected: clicks, found: total },
      );
  }
}

/** Says what cannot be compared of which partitions, whatever is left of them. */
function reportUnchecked(cut: Cut, gaps: Findings): void {
  for (const { partition, sequence, state } of cut) {
    if (sequence > 0 && !state)
      gaps.add(
        'windows',
        partition,
        `the checkpoint of partition ${partition} tells nothing of windows and sessions: a version wrote it that counts totals alone`,
      );
    if (!state) continue;
    if (state.changedSettings.includes('sessionGapMs'))
      gaps.add(
        'sessions',
        partition,
        `partition ${partition} was counted with another session gap before: its sessions can only be checked where that makes no difference`,
      );
    if (isRangeUnknown(state, 'graceMs'))
      gaps.add(
        'late',
        partition,
        `partition ${partition} was counted with another grace before, of which a version did not keep what it was: clicks that are listed as too late can only be checked to be older than stream time`,
      );
    if (isRangeUnknown(state, 'maxFutureMs'))
      gaps.add(
        'books',
        partition,
        `partition ${partition} was counted with another limit of the future before, of which a version did not keep what it was: which clicks ahead of their ingest time were rejected is taken from their dead letters`,
      );
  }
}

function rankOf({ check }: Finding): number {
  const rank = (['totals', 'windows', 'sessions'] as Check[]).indexOf(check);
  return rank < 0 ? 9 : rank;
}

function sumOfLate(cut: Cut): Pick<ClickState['books'], 'late' | 'missed' | 'sessionLate'> {
  const sum = { late: 0, missed: 0, sessionLate: 0 };
  for (const { state } of cut) {
    sum.late += state?.books.late ?? 0;
    sum.missed += state?.books.missed ?? 0;
    sum.sessionLate += state?.books.sessionLate ?? 0;
  }
  return sum;
}

async function boundsOf(reader: PartitionReader, topic: string): Promise<LogBounds[]> {
  const starts = await reader.startOffsets(topic);
  const ends = await reader.endOffsets(topic);
  return starts.map((start, partition) => ({ start: Number(start), end: Number(ends[partition] ?? start) }));
}

function behind(position: number, bounds: LogBounds | undefined): number {
  return bounds ? Math.max(0, bounds.end - Math.max(bounds.start, position)) : 0;
}
