import { printable } from '@clickstream/schema';
import type { AppOutput } from '@clickstream/kafka-client';
import cliProgress from 'cli-progress';
import { formatProgress, progressOf, type ReplayState } from '../core/format-progress.ts';

/** Shows a replay's progress while it runs. */
export interface ReplayProgress {
  /** Shows a line of its own. */
  note(line: string): void;
  /** Shows the last state and stops. */
  stop(): void;
}

const BAR_CHARACTERS = 25;
const LINE_EVERY_MS = 5_000;

/**
 * A bar with rate and ETA where `output` is a terminal and the size is known, otherwise a plain line every 5 s.
 *
 * @param stateNow asked for whenever something is to be shown.
 */
export function showReplayProgress(output: AppOutput, stateNow: () => ReplayState): ReplayProgress {
  if (output.isTTY === true && stateNow().totalBytes !== undefined) return showBar(output, stateNow);
  const timer = setInterval(() => {
    output.write(`replayed ${formatProgress(stateNow())}\n`);
  }, LINE_EVERY_MS);
  return {
    note: (line) => output.write(`${line}\n`),
    stop: () => {
      clearInterval(timer);
    },
  };
}

function showBar(output: AppOutput, stateNow: () => ReplayState): ReplayProgress {
  const bars = new cliProgress.MultiBar(
    {
      stream: output,
      format: (options, { progress }) =>
        `${cliProgress.Format.BarFormat(progress, options)} ${formatProgress(stateNow())}`,
      barsize: BAR_CHARACTERS,
      emptyOnZero: true,
      gracefulExit: false, // signals are the app's
    },
    cliProgress.Presets.shades_classic,
  );
  const bar = bars.create(1, 0);
  const redraw = () => {
    bar.update(progressOf(stateNow()) ?? 0);
  };
  bars.on('redraw-pre', redraw);
  return {
    note: (line) => {
      bars.log(`${line}\n`);
    },
    stop: () => {
      // Shows what was noted since the last redraw.
      bars.update();
      bars.stop();
    },
  };
}

/** `line 17: not valid UTF-8: "…"`, safe for a terminal. */
export function formatMalformedLine(lineNumber: number, detail: string, line: Uint8Array): string {
  const excerpt = printable(Buffer.from(line.subarray(0, EXCERPT_BYTES)).toString());
  return `line ${lineNumber} is no click: ${detail}: "${excerpt}${line.length > EXCERPT_BYTES ? '…' : ''}"`;
}

const EXCERPT_BYTES = 80;
