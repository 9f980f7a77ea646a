import { checkSum } from './check-sum.ts';
import type { ClickState } from './checkpoint-record.ts';
import { canBe, type Completeness } from './completeness.ts';
import type { Findings } from './findings.ts';
import type { OpenSessions, SessionResults } from './session-results.ts';
import type { Cut, Task } from './take-cut.ts';
import type { Tally } from './tallies.ts';
import type { PublishedSession } from './user-sessions.ts';

/** How the sessions compare with the recount. */
export interface SessionComparison {
  readonly sessions: number;
  readonly differing: number;
}

/** Compares all sessions; of those of a partition that differ in a way the first one is reported. */
export function compareSessions(
  results: SessionResults,
  cut: Cut,
  completeness: readonly Completeness[],
  logStarts: readonly number[],
  problems: Findings,
  gaps: Findings,
): SessionComparison {
  const { topic, tallies } = results;
  const contexts = cut.map(({ partition, state }): Context | undefined => {
    const left = completeness[partition];
    const logStart = logStarts[partition] ?? 0;
    return state && left && { topic, state, completeness: left, logStart, problems, gaps };
  });
  let sessions = 0;
  let differing = 0;
  for (const [userId, tally] of tallies) {
    const context = contexts[tally.home];
    if (!context) continue;
    const comparison = new UserComparison(userId, tally, context);
    comparison.run();
    sessions += tally.sessions.inForce.length;
    if (comparison.differs) differing++;
  }
  const open = results.open(cut);
  for (const task of cut) checkSums(task, open[task.partition], logStarts[task.partition] ?? 0, problems);
  return { sessions, differing };
}

/** What the sessions of one partition are compared by, and where the findings go. */
interface Context {
  readonly topic: string;
  readonly state: ClickState;
  readonly completeness: Completeness;
  /** The first offset that retention has left of the sessions. */
  readonly logStart: number;
  readonly problems: Findings;
  readonly gaps: Findings;
}

function checkSums(task: Task, open: OpenSessions | undefined, logStart: number, problems: Findings): void {
  if (!task.state || !open) return;
  for (const [name, found] of [
    ['openSessions', open.sessions],
    ['sessionClicks', open.clicks],
  ] as const) {
    const sum = { told: Number(task.sums[name]), found, mayBeLess: open.mayBeGone || logStart > 0 };
    checkSum(name, task, sum, problems);
  }
}

/** The sessions of one user, in the order of their start. */
class UserComparison {
  differs = false;
  readonly #userId: string;
  readonly #tally: Tally;
  readonly #context: Context;

  constructor(userId: string, tally: Tally, context: Context) {
    this.#userId = userId;
    this.#tally = tally;
    this.#context = context;
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
    if (!first || canBe(found, expected, this.#context.completeness)) return;
    const text = `expected ${expected} clicks in it and those that overlap it, found ${found}`;
    this.#report(this.#listOfRecount, 'clicks', first, text, { expected, found });
  }

  #compare(session: PublishedSession): void {
    const { published, start } = session;
    if (!published) return;
    if (session.isOvertaken && published.clicks < session.clicks) {
      this.#removed(session, 'its record was compacted');
      return;
    }
    const { state, completeness } = this.#context;
    const list = this.#listOfRecount;
    const differ = (kind: string, expected: string, found: string) => {
      this.#report(list, kind, session, `expected ${expected}, found ${found}`);
    };
    if (!canBe(published.clicks, session.clicks, completeness)) {
      this.#report(list, 'clicks', session, `expected ${session.clicks} clicks, found ${published.clicks}`, {
        expected: session.clicks,
        found: published.clicks,
      });
      return;
    }
    if (completeness.clicks && completeness.letters) {
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
    if (!published) return;
    const { state, problems, gaps } = this.#context;
    const closeTime = state.clock?.closeTime ?? -Infinity;
    const isClosed = published.end + state.settings.sessionGapMs <= closeTime;
    // What one transaction has no room for is closed by the next ones.
    if (published.isFinal === isClosed || (isClosed && state.isClosing)) return;
    this.#report(
      this.#areGapsKnown ? problems : gaps,
      'final',
      session,
      isClosed ? 'it is closed, and its result is not final' : 'its result is final, and it is open',
    );
  }

  /** Two sessions less than the gap apart are one, unless the first one was closed before a click came between. */
  #compareNeighbours(before: PublishedSession, session: PublishedSession): void {
    if (!before.published) return;
    const { end, isFinal } = before.published;
    const { sessionGapMs } = this.#context.state.settings;
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
    const { topic, completeness, logStart, problems, gaps } = this.#context;
    if (uncovered === 0 || !completeness.letters) return;
    const { home } = this.#tally;
    const text = `${topic}: ${uncovered} clicks of user ${JSON.stringify(this.#userId)} are in no session, the first one at ${firstUncovered}`;
    const facts = { user: this.#userId, expected: uncovered, found: 0 };
    if (isOvertaken || logStart > 0) {
      gaps.addRecord(
        'removed',
        'sessions',
        home,
        `${text}: it was removed by ${isOvertaken ? 'compaction' : 'retention'}`,
        facts,
      );
      return;
    }
    this.#listOfRecount.addRecord('uncovered', 'sessions', home, text, facts);
    if (this.#listOfRecount === problems) this.differs = true;
  }

  get #listOfRecount(): Findings {
    const { problems, gaps } = this.#context;
    return this.#tally.uncertain > 0 || !this.#areGapsKnown ? gaps : problems;
  }

  get #areGapsKnown(): boolean {
    return !this.#context.state.changedSettings.includes('sessionGapMs');
  }

  #removed(session: PublishedSession, why: string): void {
    this.#report(this.#context.gaps, 'removed', session, `was not compared: ${why}`);
  }

  #report(
    list: Findings,
    kind: string,
    session: PublishedSession,
    text: string,
    facts: { expected?: number; found?: number } = {},
  ): void {
    const { topic, problems } = this.#context;
    if (list === problems) this.differs = true;
    const key = `${session.start}/${this.#userId}`;
    list.addRecord(kind, 'sessions', this.#tally.home, `${topic} ${JSON.stringify(key)}: ${text}`, {
      user: this.#userId,
      key,
      ...facts,
    });
  }

  #nameOf({ start }: PublishedSession): string {
    return JSON.stringify(`${start}/${this.#userId}`);
  }
}
