import type { IncomingMessage, ServerResponse } from 'node:http';
import { RATE_MEAN_SECONDS, RATE_WINDOW_SECONDS } from '../core/views/click-rate.ts';
import { ACTIVE_WINDOW_SECONDS } from '../core/views/active-users.ts';
import type { ClickViews } from '../core/views/click-views.ts';
import { LATENCY_WINDOW_SECONDS } from '../core/views/latency-window.ts';
import { pagesBody } from './pages-body.ts';
import { sseEvent, type SseClient, type SseClients } from './sse-clients.ts';

/** Least time between two deltas. */
export const DELTA_INTERVAL_MS = 250;

/** How many rows of users and pages the stream has. */
const TOP = 20;
/** Deltas that can be sent again; after more than some, a snapshot is smaller. */
const RING_SIZE = 240;
/** Without news the clock still has to move on. */
const IDLE_INTERVAL_MS = 1_000;
/** What was committed together can be read in one partition some ms before it can in another. */
const TOGETHER_MS = 10;

/** What a page has to know to say what it shows. */
export interface DashboardSettings {
  readonly version: 1;
  readonly topics: Readonly<Record<'clicks' | 'totals' | 'pages' | 'sessions' | 'deadLetters', string>>;
  readonly rateWindowSeconds: number;
  readonly rateMeanSeconds: number;
  readonly activeWindowSeconds: number;
  readonly latencyWindowSeconds: number;
  readonly deltaIntervalMs: number;
}

/** The settings of a dashboard over these topics. */
export function dashboardSettings(topics: DashboardSettings['topics']): DashboardSettings {
  return {
    version: 1,
    topics,
    rateWindowSeconds: RATE_WINDOW_SECONDS,
    rateMeanSeconds: RATE_MEAN_SECONDS,
    activeWindowSeconds: ACTIVE_WINDOW_SECONDS,
    latencyWindowSeconds: LATENCY_WINDOW_SECONDS,
    deltaIntervalMs: DELTA_INTERVAL_MS,
  };
}

/** The parts of a snapshot as JSON, in the state that the last delta left. */
interface State {
  readonly parts: ReadonlyMap<string, string>;
  /** The overview without the clock, which alone is no news. */
  readonly figures: string;
  readonly rate: ReadonlyMap<number, number>;
}

interface Delta {
  readonly sequence: number;
  readonly frame: Buffer;
}

export interface DashboardStreamOptions {
  readonly views: ClickViews;
  readonly settings: DashboardSettings;
  readonly clients: SseClients;
  /** Tells this run from others, so that an id of another run is not taken for one of ours. */
  readonly runId: string;
  /** ms since the epoch */
  readonly now: () => number;
}

/**
 * The stream of the dashboard: a snapshot, then what changed. Each delta is made once and sent to everybody; it says
 * how the state before became the state after, so that a client that missed some can be given just these.
 */
export class DashboardStream {
  readonly #options: DashboardStreamOptions;
  readonly #settings: string;
  readonly #streams = new Set<SseClient>();
  #state: State;
  #ring: Delta[] = [];
  #sequence = 0;
  #madeAt = -Infinity;
  #snapshot: { readonly sequence: number; readonly frame: Buffer } | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the next delta goes out, as `performance.now()` has it; no time while nobody looks. */
  #dueAt = Infinity;

  constructor(options: DashboardStreamOptions) {
    this.#options = options;
    this.#settings = JSON.stringify(options.settings);
    this.#state = this.#look();
  }

  /** The views have changed: a delta goes out, now or when its time has come. */
  changed(): void {
    if (this.#streams.size === 0) return;
    this.#schedule(DELTA_INTERVAL_MS);
  }

  /** Begins a stream; with the id of an event that it had last, it goes on from there if that is known. */
  open(request: IncomingMessage, response: ServerResponse, lastEventId: string | undefined): void {
    const client = this.#options.clients.open(request, response, () => {
      this.#streams.delete(client);
      if (this.#streams.size === 0) this.#cancel();
    });
    // As fresh as a delta would be, and made once however many come at the same time.
    if (performance.now() - this.#madeAt >= DELTA_INTERVAL_MS) this.#makeDelta();
    const missed = this.#missedSince(lastEventId);
    const snapshot = this.#snapshotFrame();
    this.#streams.add(client);
    // What is sent at once waits in memory, so that many deltas would be taken for a client that does not read.
    client.send(missed && missed.length <= snapshot.length ? missed : snapshot);
    this.#schedule(IDLE_INTERVAL_MS);
  }

  close(): void {
    this.#cancel();
    this.#streams.clear();
  }

  /** Sees to it that a delta goes out that long after the one before, or earlier if that was due already. */
  #schedule(intervalMs: number): void {
    const now = performance.now();
    const dueAt = Math.max(this.#madeAt + intervalMs, now + TOGETHER_MS);
    if (dueAt >= this.#dueAt) return;
    this.#cancel();
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#makeDelta();
      this.#schedule(IDLE_INTERVAL_MS);
    }, dueAt - now).unref();
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
  }

  #missedSince(lastEventId: string | undefined): Buffer | undefined {
    const [runId, digits] = lastEventId?.split('.') ?? [];
    if (runId !== this.#options.runId || digits === undefined || !/^\d{1,15}$/.test(digits)) return undefined;
    const sequence = Number(digits);
    const oldest = this.#ring[0]?.sequence ?? this.#sequence + 1;
    if (sequence > this.#sequence || sequence < oldest - 1) return undefined;
    return Buffer.concat(this.#ring.filter((delta) => delta.sequence > sequence).map(({ frame }) => frame));
  }

  #snapshotFrame(): Buffer {
    if (this.#snapshot?.sequence !== this.#sequence) {
      const { parts, rate } = this.#state;
      const data = json([...parts, ['rate', JSON.stringify([...rate])], ['settings', this.#settings]]);
      const frame = Buffer.from(sseEvent('snapshot', data, this.#id()));
      this.#snapshot = { sequence: this.#sequence, frame };
    }
    return this.#snapshot.frame;
  }

  #makeDelta(): void {
    const before = this.#state;
    const after = this.#look();
    this.#madeAt = performance.now();
    this.#cancel();
    if (lastSecond(after) < lastSecond(before)) {
      this.#beginAnew(after);
      return;
    }
    const changes = [...after.parts].filter(([name, part]) =>
      name === 'overview' ? after.figures !== before.figures : part !== before.parts.get(name),
    );
    const rate = [...after.rate].filter(([second, clicks]) => before.rate.get(second) !== clicks);
    if (rate.length > 0) changes.push(['rate', JSON.stringify(rate)]);
    if (changes.length === 0) return;
    this.#state = after;
    this.#sequence += 1;
    const frame = Buffer.from(sseEvent('delta', json(changes), this.#id()));
    this.#ring.push({ sequence: this.#sequence, frame });
    if (this.#ring.length > RING_SIZE) this.#ring.shift();
    for (const client of [...this.#streams]) client.send(frame);
  }

  /** A clock that was ahead was set right: no delta can take back the seconds that were sent. */
  #beginAnew(after: State): void {
    this.#state = after;
    this.#sequence += 1;
    this.#ring = [];
    const frame = this.#snapshotFrame();
    for (const client of [...this.#streams]) client.send(frame);
  }

  #id(): string {
    return `${this.#options.runId}.${this.#sequence}`;
  }

  #look(): State {
    const { views, now } = this.#options;
    const nowMs = now();
    const overview = views.overview(nowMs);
    return {
      parts: new Map([
        ['overview', JSON.stringify(overview)],
        ['users', JSON.stringify(views.totals.top(TOP))],
        ['pages', JSON.stringify(pagesBody(views, views.pages.current(nowMs), TOP))],
        ['deadLetters', JSON.stringify(views.deadLetters.examples())],
      ]),
      figures: JSON.stringify({ ...overview, now: 0 }),
      rate: new Map(views.rate.series(nowMs)),
    };
  }
}

function lastSecond({ rate }: State): number {
  return [...rate.keys()].at(-1) ?? -Infinity;
}

/** An object of parts that are JSON already. */
function json(parts: readonly (readonly [name: string, json: string])[]): string {
  return `{${parts.map(([name, part]) => `${JSON.stringify(name)}:${part}`).join(',')}}`;
}
