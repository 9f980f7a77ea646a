import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import {
  assertBooks,
  assertVerified,
  readDeadLetters,
  UNFORWARDED_PARTITION,
  untilAllRead,
  type ClickLoad,
  type TestTopics,
} from '@clickstream/test-harness';
import { assertAllFinal } from './assert-all-final.ts';
import type { Fault } from './fault.ts';
import { LIVELY_ENVIRONMENT } from './lively.ts';
import { countInput, readTotals } from './recount.ts';
import { LimitError, withLimit } from './with-limit.ts';

/** A fault that has come to rest. */
export interface AtRest {
  readonly fault: Fault;
  readonly topics: TestTopics;
  readonly load: ClickLoad;
  readonly manifests: readonly { readonly file: string; readonly clicks: number }[];
  /** What was found before; what is found here is put to it. */
  readonly findings: string[];
  /** Filled in also when it fails. */
  readonly sums: { clicks: number; lost: number; doubled: number };
  /** Whether it was written for long: what is written at once and then no more is not repeated while it is new. */
  readonly isLongLoad: boolean;
  readonly patienceMs: number;
  /** Makes a finding of what takes too long. */
  readonly patiently: <Result>(work: Promise<Result>) => Promise<Result>;
  readonly report: (fact: string) => void;
}

/** Of a lively load with so many records something has to be late, and something repeated. */
const LIVELY_RECORDS = 1_000;
const MOST_FINDINGS = 20;
const VERIFIED_AT_ONCE = 3;

/** Counts all there is, and compares. @throws Error with what differs, the clicks lost and doubled first */
export async function assertCounted(atRest: AtRest): Promise<void> {
  const { fault, topics, load, manifests, findings, sums, isLongLoad, patienceMs, patiently, report } =
    atRest;
  const isLively = fault.pace !== 'plain';
  const fromManifests = manifests.reduce((sum, { clicks }) => sum + clicks, 0);
  const written = load.written + fromManifests;
  const found = (error: unknown) => {
    if (!(error instanceof LimitError)) findings.push(String(error));
  };
  if (findings.length === 0)
    await patiently(untilAllRead(topics, written, undefined, { atLeast: true })).catch(found);
  // One after the other: three tools at once are slower on two cores.
  const isInputWhole = !(fault.isInputUnprintable ?? fault.isLossAccepted);
  const input = isInputWhole
    ? await countInput(topics)
    : { ...load, clicks: load.answer, records: written, furthestRepetitionMs: 0 };
  const books =
    findings.length === 0 ? await patiently(assertBooks(topics, input.records)).catch(found) : undefined;
  const result = await readTotals(topics, fault.emit ?? 'every');
  sums.clicks = [...input.clicks.values()].reduce((sum, clicks) => sum + clicks, 0);
  findings.push(...result.findings);
  for (const userId of new Set([...input.clicks.keys(), ...result.totals.keys(), ...load.answer.keys()])) {
    const [clicks, total] = [input.clicks.get(userId) ?? 0, result.totals.get(userId) ?? 0];
    sums.lost += Math.max(0, clicks - total);
    sums.doubled += Math.max(0, total - clicks);
    if (clicks !== total) findings.push(`${userId} has ${clicks} clicks and a total of ${total}`);
    if (manifests.length > 0) continue;
    const sure = load.answer.get(userId) ?? 0;
    const most = sure + (load.uncertain.clicks.get(userId) ?? 0);
    if (clicks < sure || clicks > most)
      findings.push(`${userId} has ${clicks} clicks in the log, and ${sure} to ${most} were written`);
  }
  if (books) {
    const { counted, duplicate, rejected } = books;
    const wrong = { counted, duplicate, rejected };
    const right = { counted: sums.clicks, duplicate: input.repeated, rejected: input.malformed };
    if (!isDeepStrictEqual(wrong, right))
      findings.push(`books of ${JSON.stringify(wrong)} for ${JSON.stringify(right)}`);
  }
  if (sums.lost + sums.doubled > 0)
    findings.unshift(`${sums.lost} clicks are lost and ${sums.doubled} counted twice`);
  if (findings.length > 0 || !books) throw new Error(findings.slice(0, MOST_FINDINGS).join('\n'));

  assert(sums.clicks > 0, 'there was nothing to count');
  assert(load.uncertain.records <= load.written, 'most of the load could not be written');
  // Then it would not be certain that it is a repetition.
  assert(
    input.furthestRepetitionMs <
      Number({ ...LIVELY_ENVIRONMENT, ...fault.environment }.DEDUPLICATION_HORIZON_MS) / 2,
    `a click was repeated after ${input.furthestRepetitionMs} ms`,
  );
  if (isLively && fault.ends !== 'refused') {
    const finals = await withLimit(assertAllFinal(topics, books), patienceMs, 'not everything is final');
    const { late, missed, sessionLate, duplicate } = books;
    for (const fact of [`${finals} results of windows`, `${late} late`, `${duplicate} repeated`])
      report(fact);
    if (isLongLoad && load.written >= LIVELY_RECORDS)
      assert(Math.min(finals, late, missed, sessionLate, duplicate) > 0, 'the load was too tame');
    // The producer app's clicks are of now, so that the load's are late beside them.
    if (manifests.length === 0) await assertPunctual(topics, load);
  }
  const direct = { environment: topics.environment };
  if (fault.ends === 'refused') return;
  if (fault.isLossAccepted) await assert.rejects(assertVerified(direct), /^Error: verify ended with 2:/);
  else if (manifests.length === 0) await assertVerified(direct);
  const left = manifests.values();
  const verifyOneAfterTheOther = async () => {
    for (const { file } of left) await assertVerified(direct, ['--manifest', file]);
  };
  await Promise.all(Array.from({ length: VERIFIED_AT_ONCE }, verifyOneAfterTheOther));
}

/**
 * What was not made late on purpose is not late, whatever the fault does. Where no click is forwarded to, only idle time could make it
 * so, and the event time of the load is ahead of that.
 */
async function assertPunctual(topics: TestTopics, { punctual }: ClickLoad): Promise<void> {
  const wrong = (await readDeadLetters(topics)).filter(
    ({ streamTimeMs, topic, partition, offset }) =>
      streamTimeMs !== undefined &&
      topic === topics.clicks &&
      partition === UNFORWARDED_PARTITION &&
      punctual.has(offset),
  );
  const list = wrong.slice(0, MOST_FINDINGS).map(({ reason, offset, streamTimeMs }) => {
    return `${reason} at offset ${offset}, by stream time ${String(streamTimeMs)}`;
  });
  assert(
    wrong.length === 0,
    `${wrong.length} clicks became late that were written in time: ${list.join('; ')}`,
  );
}
