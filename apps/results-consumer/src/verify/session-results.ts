import { isUtf8 } from 'node:buffer';
import type { RecordCursor } from '@clickstream/kafka-client';
import { z } from 'zod';
import type { Findings } from './findings.ts';
import { jsonOf } from './json-of.ts';
import type { Cut, Task } from './take-cut.ts';
import type { Tallies } from './tallies.ts';

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

/** What is open by the newest records below the cut. */
export interface OpenSessions {
  sessions: number;
  clicks: number;
  /** Whether some may have been removed by compaction. */
  mayBeGone: boolean;
}

/** The sessions that were published; they are with the tally of their user, as are the clicks counted anew. */
export class SessionResults {
  readonly topic: string;
  readonly tallies: Tallies;
  readonly #findings: Findings;

  constructor(topic: string, tallies: Tallies, findings: Findings) {
    this.topic = topic;
    this.tallies = tallies;
    this.#findings = findings;
  }

  /** Takes a record of the topic, in the order of offsets. */
  take({ partition, resultEnds, state }: Task, record: RecordCursor): void {
    if (!state) return;
    const offset = Number(record.offset);
    const isBelow = offset < (resultEnds.get(this.topic) ?? 0);
    const report = (kind: string, text: string) => {
      const where = `${this.topic} [${partition}] @ ${offset}`;
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
    const tally = this.tallies.of(userId);
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
    const open = this.open(cut);
    return cut.some(({ partition, state, sums }) => {
      const { sessions = 0, clicks = 0, mayBeGone = false } = open[partition] ?? {};
      const isLess = sessions < Number(sums['openSessions']) || clicks < Number(sums['sessionClicks']);
      return state !== undefined && mayBeGone && isLess;
    });
  }

  /** By partition, the sessions that are open by their newest records below the cut. */
  open(cut: Cut): OpenSessions[] {
    const open = cut.map((): OpenSessions => ({ sessions: 0, clicks: 0, mayBeGone: false }));
    for (const [, { home, sessions }] of this.tallies) {
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
}
