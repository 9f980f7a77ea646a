import './valid-language.ts';
import { EventStream } from './io/event-stream.ts';
import { kafkaSilence } from './io/kafka-silence.ts';
import { reloadOnce } from './io/reload-once.ts';
import { whyRefused } from './io/why-refused.ts';
import { byId, setText } from './element.ts';
import { showLoading } from './loading.ts';
import { createBooksLine } from './parts/books-line.ts';
import { createConnectionLine } from './parts/connection-line.ts';
import { createDeadLetters } from './parts/dead-letters.ts';
import { createFigures } from './parts/figures.ts';
import { createLiveClicks } from './parts/live-clicks.ts';
import { createNotice } from './parts/notice.ts';
import { createRateChart } from './parts/rate-chart.ts';
import { createTopPages } from './parts/top-pages.ts';
import { createTopUsers } from './parts/top-users.ts';
import { createUserLookup } from './parts/user-lookup.ts';
import { connectionState, nextSilence, type KafkaSilence } from './state/connection-state.ts';
import { applyDelta, type DashboardDelta, type DashboardState } from './state/dashboard-state.ts';

const TICK_MS = 500;
const SILENCE_LIMIT_MS = 15_000;
const HEALTH_INTERVAL_MS = 5_000;
const STREAM_URL = '/api/stream';
/** Of what the server sends, which this page can read. */
const VERSION = 1;

let state: DashboardState | undefined;
let isOpen = false;
let lastEventAtMs: number | undefined;
/** How far the server's clock is ahead of the browser's. */
let clockAheadMs = 0;
let refusal: string | undefined;
let isOutdated = false;
let silence: KafkaSilence | undefined;
let stream: EventStream | undefined;
let isDrawing = false;

const serverNow = () => Date.now() + clockAheadMs;
const main = byId('main', HTMLElement);
const showConnection = createConnectionLine();
const showNotice = createNotice();
const lookup = createUserLookup(serverNow);
const lookUp = (userId: string) => {
  lookup.lookUp(userId);
};
const clicks = createLiveClicks(lookUp);
const parts = [
  createFigures(),
  createRateChart(),
  createBooksLine(),
  createTopUsers(lookUp),
  createTopPages((page) => {
    clicks.filterByPage(page);
  }),
  createDeadLetters(),
];

function notice(): string | undefined {
  if (isOutdated) return 'The server has another version than this page: reload the page.';
  if (refusal !== undefined) return refusal;
  if (!state || !isOpen) return undefined;
  if (!state.overview.ready) return 'Reading what was counted before: the figures are not complete yet.';
  if (!silence) return undefined;
  return silence.isPartial
    ? 'Kafka does not answer for all partitions: the figures are in part old.'
    : 'Kafka does not answer: the figures are the last that it gave.';
}

function showHealth(): void {
  const isRefused = refusal !== undefined || isOutdated;
  showConnection(connectionState({ isOpen, isRefused, silence, lastEventAtMs }, Date.now()));
  showNotice(notice());
  showLoading(isRefused ? 'No figures yet.' : 'Loading…');
}

/** At most once a frame, and not at all in a tab that nobody sees. */
function draw(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    if (!state) return;
    const { topics } = state.settings;
    setText(byId('topics', HTMLElement), `· topics ${Object.values(topics).join(', ')}`);
    for (const part of parts) part.show(state, serverNow());
    main.setAttribute('aria-busy', String(!state.overview.ready));
    document.body.dataset['ready'] = String(state.overview.ready);
    showHealth();
  });
}

function take(next: DashboardState): void {
  state = next;
  isOpen = true;
  refusal = undefined;
  lastEventAtMs = Date.now();
  draw();
}

/** What comes from a server of another version could be read wrongly, so none of it is. */
function outdated(version: number): void {
  close();
  if (reloadOnce(version)) return;
  isOpen = false;
  isOutdated = true;
  showHealth();
}

function askHealth(): void {
  void kafkaSilence().then((told) => {
    if (told === undefined) return;
    silence = told === 'none' ? undefined : nextSilence(silence, told);
    showHealth();
  });
}

function open(): void {
  if (isOutdated) return;
  clicks.open();
  stream ??= new EventStream({
    url: STREAM_URL,
    silenceLimitMs: SILENCE_LIMIT_MS,
    onOpen: () => {
      isOpen = true;
      askHealth();
    },
    onLost: (isRefused) => {
      isOpen = false;
      showHealth();
      if (isRefused || !state)
        void whyRefused(STREAM_URL).then((reason) => {
          if (!isOpen) refusal = reason;
          showHealth();
        });
    },
    on: {
      snapshot: (data) => {
        const snapshot = data as DashboardState;
        const { version } = snapshot.settings as { readonly version: number };
        if (version !== VERSION) {
          outdated(version);
          return;
        }
        clockAheadMs = snapshot.overview.now - Date.now();
        take(snapshot);
      },
      delta: (data) => {
        if (state) take(applyDelta(state, data as DashboardDelta));
      },
    },
  });
}

/** A browser has six connections to a server; tabs that nobody looks at must not take them all. */
function close(): void {
  clicks.close();
  stream?.close();
  stream = undefined;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) close();
  else open();
});
setInterval(() => {
  showHealth();
  if (state) draw();
}, TICK_MS);
setInterval(() => {
  if (isOpen && !document.hidden) askHealth();
}, HEALTH_INTERVAL_MS);
if (!document.hidden) open();
