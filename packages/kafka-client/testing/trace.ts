import { createHash } from 'node:crypto';
import type { Scheduler } from './scheduler.ts';

interface TraceEvent {
  readonly atMs: number;
  readonly actor: string;
  readonly operation: string;
  readonly outcome: string;
}

/** What has happened, in order, for a person to read. */
export class Trace {
  readonly #scheduler: Scheduler;
  readonly #events: TraceEvent[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  add(actor: string, operation: string, outcome = ''): void {
    this.#events.push({ atMs: this.#scheduler.nowMs, actor, operation, outcome });
  }

  /** The last events, one a line: time, who, what, how it went. */
  last(count: number): string[] {
    return this.#events
      .slice(-count)
      .map(({ atMs, actor, operation, outcome }) =>
        `${atMs.toFixed(1).padStart(9)} ms  ${actor.padEnd(9)} ${operation}${outcome && ` → ${outcome}`}`.trimEnd(),
      );
  }

  /** The same for the same schedule only. */
  hash(): string {
    const hash = createHash('sha256');
    for (const { atMs, actor, operation, outcome } of this.#events)
      hash.update(`${atMs} ${actor} ${operation} ${outcome}\n`);
    return hash.digest('hex');
  }
}
