import { isUtf8 } from 'node:buffer';
import type { RecordCursor } from '@clickstream/kafka-client';
import { z } from 'zod';
import { canBe, type Completeness } from './completeness.ts';
import type { Findings } from './findings.ts';
import { jsonOf } from './json-of.ts';
import type { Cut, Task } from './take-cut.ts';
import type { Tallies, Tally } from './tallies.ts';
import type { PublishedSession } from './user-sessions.ts';

const KEY = /^(?<start>\d{1,15})\/(?<userId>[^]+)$/;
const sessionResult = z.object({
  userId: z.string(),
  sessionId: z.string(),
  start: z.int(),
  end: z.int(),
  clicks: z.int().min(1),
  entryUrl: z.string(),
  exitUrl: z.string(),
  bounce: z.boolean(),
  final: z.boolean(),
});

/** How the sessions compare with the recount. */
export interface SessionComparison {
  readonly sessions: number;
  readonly differing: number;
}

interface OpenSessions {
  sessions: number;
  clicks: number;
  /** Whether some may have been removed by compaction. */
  mayBeGone: boolean;
}

/** The sessions that were published, compared with the clicks counted anew; both are with the tally of their user. */
export class SessionResults {
  readonly #topic: string;
  readonly #tallies: Tallies;
  readonly #findings: Findings;

  constructor(topic: string, tallies: Tallies, findings: Findings) {
    this.#topic = topic;
    this.#tallies = tallies;
    this.#findings = findings;
  }

  /** Takes a record of the topic, in the order of offsets. */
  take({ partition, resultEnds, state }: Task, record: RecordCursor): void {
    if (!state) return;
    const offset = Number(record.offset);
    const isBelow = offset < (resultEnds.get(this.#topic) ?? 0);
    const report = (kind: string, text: string) => {
      const where = `${this.#topic} [${partition}] @ ${offset}`;
      this.#findings.addRecord(kind, 'sessions', partition, `${where} ${text}`, { offset });
    };
    const key = record.key();
    const keyText = key && isUtf8(key) ? key.toString('utf8') : '';
    const parts = KEY.exec(keyText)?.groups;
    const value = record.value();
    const result = sessionResult.safeParse(jsonOf(value)).data;
    if (!parts || (value !== null && !result)) {
      report('unreadable', 'is no session');
      return;
    }
    const start = Number(parts['start']);
    const userId = parts['userId'] ?? '';
    const tally = this.#tallies.of(userId);
    if (
      tally.home !== partition ||
      (result &&
        (result.userId !== userId ||
          result.start !== start ||
          result.end < start ||
          result.sessionId !== `${userId}@${start}` ||
          result.bounce !== (result.clicks === 1)))
    ) {
      report('unfit', `is no session of partition ${partition} that its key names`);
      return;
    }
    const session = tally.sessions.ofKey(start);
    if (session.isFinal)
      report(
        'after final',
        `is ${result?.final ? 'a second final result' : result ? 'a result' : 'a tombstone'} of ${JSON.stringify(keyText)} after the final one`,
      );
    if (result?.final) session.isFinal = true;
    if (!isBelow) {
      session.isOvertaken = true;
      tally.sessions.isOvertaken = true;
      return;
    }
    session.published = result && {
      end: result.end,
      clicks: result.clicks,
      entryUrl: result.entryUrl,
      exitUrl: result.exitUrl,
      isFinal: result.final,
    };
  }

  /**
   * Whether less is open than a checkpoint says, and there are sessions above the cut: then compaction may have removed
   * those below it that they replace.
   */
  isCompacted(cut: Cut): boolean {
    const open = this.#open(cut);
    return cut.some(({ partition, state, sums }) => {
      const { sessions = 0, clicks = 0, mayBeGone = false } = open[partition] ?? {};
      const isLess = sessions < Number(sums['openSessions']) || clicks < Number(sums['sessionClicks']);
      return state !== undefined && mayBeGone && isLess;
    });
  }

  /** By partition, the sessions that are open by their newest records below the cut. */
  #open(cut: Cut): OpenSessions[] {
    const open = cut.map((): OpenSessions => ({ sessions: 0, clicks: 0, mayBeGone: false }));
    for (const [, { home, sessions }] of this.#tallies) {
      const ofHome = open[home];
      if (!ofHome) continue;
      if (sessions.isOvertaken) ofHome.mayBeGone = true;
      for (const { published } of sessions.inForce) {
        if (!published || published.isFinal) continue;
        ofHome.sessions++;
        ofHome.clicks += published.clicks;
      }
    }
    return open;
  }

  /** Compares all sessions; of those of a partition that differ in a way the first one is reported. */
  compare(
    cut: Cut,
    completeness: readonly Completeness[],
    logStarts: readonly number[],
    problems: Findings,
    gaps: Findings,
  ): SessionComparison {
    let sessions = 0;
    let differing = 0;
    for (const [userId, tally] of this.#tallies) {
      const task = cut[tally.home];
      const left = completeness[tally.home];
      if (!task?.state || !left) continue;
      const comparison = new UserComparison(
        this.#topic,
        userId,
        tally,
        task,
        left,
        logStarts[tally.home] ?? 0,
        problems,
        gaps,
      );
      comparison.run();
      sessions += tally.sessions.inForce.length;
      if (comparison.differs) differing++;
    }
    const open = this.#open(cut);
    for (const task of cut) checkSums(task, open[task.partition], logStarts[task.partition] ?? 0, problems);
    return { sessions, differing };
  }
}

function checkSums(
  { partition, sequence, sums, state }: Task,
  open: OpenSessions | undefined,
  logStart: number,
  problems: Findings,
): void {
  if (!state || !open) return;
  for (const [name, found] of [
    ['openSessions', open.sessions],
    ['sessionClicks', open.clicks],
  ] as const) {
    const expected = Number(sums[name]);
    if (found === expected || (found < expected && (open.mayBeGone || logStart > 0))) continue;
    problems.add(
      'sums',
      partition,
      `${name} in partition ${partition}: expected ${expected}, found ${found} (checkpoint ${sequence})`,
      { expected, found },
    );
  }
}

/** The sessions of one user, in the order of their start. */
class UserComparison {
  differs = false;
  readonly #topic: string;
  readonly #userId: string;
  readonly #tally: Tally;
  readonly #task: Task;
  readonly #completeness: Completeness;
  readonly #logStart: number;
  readonly #problems: Findings;
  readonly #gaps: Findings;

  constructor(
    topic: string,
    userId: string,
    tally: Tally,
    task: Task,
    completeness: Completeness,
    logStart: number,
    problems: Findings,
    gaps: Findings,
  ) {
    this.#topic = topic;
    this.#userId = userId;
    this.#tally = tally;
    this.#task = task;
    this.#completeness = completeness;
    this.#logStart = logStart;
    this.#problems = problems;
    this.#gaps = gaps;
  }

  run(): void {
    let before: PublishedSession | undefined;
    for (const group of this.#groups()) {
      const [session] = group;
      if (session && group.length === 1) {
        this.#compare(session);
        if (before) this.#compareNeighbours(before, session);
        before = session;
        continue;
      }
      before = undefined;
      if (this.#isTombstoneMissing(group)) return;
      this.#compareSum(group);
      for (const one of group) this.#compareFinal(one);
    }
    this.#compareUncovered();
  }

  /** Sessions that overlap are in one group. */
  #groups(): PublishedSession[][] {
    const groups: PublishedSession[][] = [];
    let end = -Infinity;
    for (const session of this.#tally.sessions.inForce) {
      if (session.start > end) groups.push([]);
      groups.at(-1)?.push(session);
      end = Math.max(end, session.published?.end ?? session.start);
    }
    return groups;
  }

  /** Of sessions that overlap one alone can be open: it has taken an old click that reaches back over those closed. */
  #isTombstoneMissing(group: readonly PublishedSession[]): boolean {
    const open = group.filter(({ published }) => published?.isFinal === false);
    const [first, second] = open;
    if (!first || !second) return false;
    if (group.some(({ isOvertaken }) => isOvertaken))
      this.#removed(second, 'a tombstone below the cut was compacted');
    else
      this.#report(
        this.#listOfRecount,
        'overlap',
        second,
        `overlaps ${this.#nameOf(first)}: of one of them the tombstone is missing`,
      );
    return true;
  }

  /** Which click belongs to which of them depends on the order of arrival. */
  #compareSum(group: readonly PublishedSession[]): void {
    const [first] = group;
    const sumOf = (clicksOf: (session: PublishedSession) => number) =>
      group.reduce((sum, session) => sum + clicksOf(session), 0);
    const expected = sumOf(({ clicks }) => clicks);
    const found = sumOf(({ published }) => published?.clicks ?? 0);
    if (!first || canBe(found, expected, this.#completeness)) return;
    const text = `expected ${expected} clicks in it and those that overlap it, found ${found}`;
    this.#report(this.#listOfRecount, 'clicks', first, text, { expected, found });
  }

  #compare(session: PublishedSession): void {
    const { published, start } = session;
    const { state } = this.#task;
    if (!published || !state) return;
    if (session.isOvertaken && published.clicks < session.clicks) {
      this.#removed(session, 'its record was compacted');
      return;
    }
    const { clicks, letters } = this.#completeness;
    const list = this.#listOfRecount;
    const differ = (kind: string, expected: string, found: string) => {
      this.#report(list, kind, session, `expected ${expected}, found ${found}`);
    };
    if (!canBe(published.clicks, session.clicks, this.#completeness)) {
      this.#report(list, 'clicks', session, `expected ${session.clicks} clicks, found ${published.clicks}`, {
        expected: session.clicks,
        found: published.clicks,
      });
      return;
    }
    if (clicks && letters) {
      const { entryUrl, exitUrl } = session;
      if (entryUrl === undefined || exitUrl === undefined)
        this.#report(
          list,
          'ends',
          session,
          `no click is at its ${entryUrl === undefined ? `start` : `end, ${published.end}`}`,
        );
      else if (entryUrl !== published.entryUrl)
        differ('entry', `entry ${JSON.stringify(entryUrl)}`, JSON.stringify(published.entryUrl));
      else if (exitUrl !== published.exitUrl)
        differ('exit', `exit ${JSON.stringify(exitUrl)}`, JSON.stringify(published.exitUrl));
      else if (!this.#tally.sessions.isOneVisit(start, published.end))
        this.#report(
          list,
          'gap',
          session,
          `between two of its clicks are ${state.settings.sessionGapMs} ms or more, so that it is more than one`,
        );
    }
    this.#compareFinal(session);
  }

  #compareFinal(session: PublishedSession): void {
    const { published } = session;
    const { state } = this.#task;
    if (!published || !state) return;
    const closeTime = state.clock?.closeTime ?? -Infinity;
    const isClosed = published.end + state.settings.sessionGapMs <= closeTime;
    // What one transaction has no room for is closed by the next ones.
    if (published.isFinal === isClosed || (isClosed && state.isClosing)) return;
    this.#report(
      this.#areGapsKnown ? this.#problems : this.#gaps,
      'final',
      session,
      isClosed ? 'it is closed, and its result is not final' : 'its result is final, and it is open',
    );
  }

  /** Two sessions less than the gap apart are one, unless the first one was closed before a click came between. */
  #compareNeighbours(before: PublishedSession, session: PublishedSession): void {
    const { state } = this.#task;
    if (!before.published || !state) return;
    const { end, isFinal } = before.published;
    const { sessionGapMs } = state.settings;
    if (session.start - end >= sessionGapMs) return;
    const beganBeyond = session.firstCame === undefined || session.firstCame - end >= sessionGapMs;
    if (isFinal && (beganBeyond || session.isMixed)) return;
    if (before.isOvertaken || session.isOvertaken) return;
    this.#report(
      this.#listOfRecount,
      'split',
      session,
      `is ${session.start - end} ms after ${this.#nameOf(before)}, so that they are one`,
    );
  }

  #compareUncovered(): void {
    const { uncovered, firstUncovered, isOvertaken } = this.#tally.sessions;
    if (uncovered === 0 || !this.#completeness.letters) return;
    const { home } = this.#tally;
    const text = `${this.#topic}: ${uncovered} clicks of user ${JSON.stringify(this.#userId)} are in no session, the first one at ${firstUncovered}`;
    const facts = { user: this.#userId, expected: uncovered, found: 0 };
    if (isOvertaken || this.#logStart > 0) {
      this.#gaps.addRecord(
        'removed',
        'sessions',
        home,
        `${text}: it was removed by ${isOvertaken ? 'compaction' : 'retention'}`,
        facts,
      );
      return;
    }
    this.#listOfRecount.addRecord('uncovered', 'sessions', home, text, facts);
    if (this.#listOfRecount === this.#problems) this.differs = true;
  }

  get #listOfRecount(): Findings {
    return this.#tally.uncertain > 0 || !this.#areGapsKnown ? this.#gaps : this.#problems;
  }

  get #areGapsKnown(): boolean {
    return this.#task.state?.changedSettings.includes('sessionGapMs') === false;
  }

  #removed(session: PublishedSession, why: string): void {
    this.#report(this.#gaps, 'removed', session, `was not compared: ${why}`);
  }

  #report(
    list: Findings,
    kind: string,
    session: PublishedSession,
    text: string,
    facts: { expected?: number; found?: number } = {},
  ): void {
    if (list === this.#problems) this.differs = true;
    const key = `${session.start}/${this.#userId}`;
    list.addRecord(kind, 'sessions', this.#tally.home, `${this.#topic} ${JSON.stringify(key)}: ${text}`, {
      user: this.#userId,
      key,
      ...facts,
    });
  }

  #nameOf({ start }: PublishedSession): string {
    return JSON.stringify(`${start}/${this.#userId}`);
  }
}
