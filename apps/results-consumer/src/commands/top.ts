import { setTimeout as delay } from 'node:timers/promises';
import { createLogger, firstAbort, type AppContext } from '@clickstream/kafka-client';
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { jsonLine } from '../core/json-line.ts';
import { topScreen, type TopState } from '../core/top-screen.ts';
import type { ClickViews } from '../core/views/click-views.ts';
import { openRedrawnScreen } from '../io/redrawn-screen.ts';
import { createTerminalStyle } from '../io/terminal-style.ts';
import { feedViews } from '../serve/feed-views.ts';
import { openViews } from '../serve/open-views.ts';
import type { RunCommand } from './run-command.ts';

interface TopFlags {
  readonly json?: true;
}

/** How many users and pages are printed where there is no screen to fill. */
const PRINTED = 10;
const DRAWN_MAX = 100;
const PRINTED_COLUMNS = 100;
const REDRAW_MS = 500;

/** `top`: the busiest users and pages. */
export function addTopCommand(program: Command, run: RunCommand): void {
  program
    .command('top')
    .description('show the busiest users and pages, redrawn in place')
    .option('--json', 'one JSON object with the figures of this moment, then end')
    .addHelpText(
      'after',
      `
On a terminal it is drawn twice a second until q or Ctrl-C; elsewhere, and with --json, it is printed once, as soon as
all that is there has been read. How long a click takes is measured while it goes on: what is printed once has none.

Exit code 0 when printed, quit or stopped before; 1 for a wrong flag or when Kafka is not reached.

Examples:
  $ results-consumer top
  $ results-consumer top | head -n 5
  $ results-consumer top --json`,
    )
    .action((flags: TopFlags) => run((context) => top(flags, context)));
}

async function top(flags: TopFlags, context: AppContext): Promise<number> {
  const config = readConfig(context.environment);
  const log = createLogger('results-consumer', config, context.stderr.isTTY === true);
  const now = () => Date.now();
  const over = new AbortController();
  const signal = firstAbort(context.signal, over.signal);
  const { views, topics, reader } = await openViews(config, log, signal, now);
  const { promise: whole, resolve: setWhole } = Promise.withResolvers<undefined>();
  const feeding = feedViews({
    reader,
    topics,
    views,
    log,
    signal,
    now,
    onChange: () => undefined,
    onWhole: () => {
      setWhole(undefined);
    },
    onClick: () => undefined,
    onRecords: () => undefined,
  });
  const drawing =
    context.stdout.isTTY === true && flags.json !== true ? draw(views, context, signal, now) : undefined;
  const printing = () =>
    whole.then(() => {
      print(stateOf(views, now(), PRINTED), flags, context);
    });
  try {
    // The feeds end by themselves only by failing.
    await Promise.race([drawing ?? printing(), feeding]);
    return 0;
  } finally {
    over.abort();
    await Promise.allSettled([drawing, feeding]);
    await reader.close();
  }
}

function stateOf(views: ClickViews, nowMs: number, limit: number): TopState {
  const current = views.pages.current(nowMs);
  return {
    overview: views.overview(nowMs),
    users: views.totals.top(limit),
    pages: current === undefined ? undefined : views.pages.window(current, limit),
  };
}

function print(state: TopState, { json }: TopFlags, { stdout }: AppContext): void {
  const size = { columns: stdout.columns ?? PRINTED_COLUMNS, rows: undefined };
  const lines = json ? [jsonLine(state)] : topScreen(state, size, createTerminalStyle(stdout));
  stdout.write(lines.map((line) => `${line.trimEnd()}\n`).join(''));
}

/** Draws until somebody quits or the signal aborts. */
async function draw(
  views: ClickViews,
  context: AppContext,
  signal: AbortSignal,
  now: () => number,
): Promise<void> {
  const quit = new AbortController();
  const style = createTerminalStyle(context.stdout);
  const screen = openRedrawnScreen(context, () => {
    quit.abort();
  });
  const end = firstAbort(signal, quit.signal);
  try {
    while (!end.aborted) {
      const { columns, rows } = screen;
      const lines = topScreen(stateOf(views, now(), DRAWN_MAX), { columns, rows: rows - 1 }, style);
      screen.draw([...lines, style.faint(views.isReady ? 'q ends' : 'reading what is there …  q ends')]);
      await delay(REDRAW_MS, undefined, { signal: end }).catch(() => undefined);
    }
  } finally {
    screen.close();
  }
}
