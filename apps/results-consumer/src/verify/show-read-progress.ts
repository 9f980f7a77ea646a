import type { AppOutput } from '@clickstream/kafka-client';
import cliProgress from 'cli-progress';
import type { ReadProgress } from './read-progress.ts';

const BAR_CHARACTERS = 25;
const LINE_EVERY_MS = 5_000;

/**
 * Shows how far a verification is: a bar where `output` is a terminal, otherwise a line every 5 s.
 *
 * @returns ends it; the bar disappears.
 */
export function showReadProgress(output: AppOutput, progress: ReadProgress): () => void {
  const startedAt = performance.now();
  const text = () => formatProgress(progress, performance.now() - startedAt);
  if (output.isTTY !== true) {
    const timer = setInterval(() => {
      output.write(`verifying: ${text()}\n`);
    }, LINE_EVERY_MS);
    return () => {
      clearInterval(timer);
    };
  }
  const bars = new cliProgress.MultiBar(
    {
      stream: output,
      format: (options, { progress: share }) => `${cliProgress.Format.BarFormat(share, options)} ${text()}`,
      barsize: BAR_CHARACTERS,
      emptyOnZero: true,
      clearOnComplete: true,
      gracefulExit: false, // signals are the app's
    },
    cliProgress.Presets.shades_classic,
  );
  const bar = bars.create(1, 0);
  bars.on('redraw-pre', () => {
    bar.setTotal(Math.max(1, progress.total));
    bar.update(progress.done);
  });
  return () => {
    bars.stop();
  };
}

function formatProgress({ done, total }: ReadProgress, elapsedMs: number): string {
  const parts = [`${done} of ${total} records`];
  if (elapsedMs > 0) parts.push(`${Math.round((done * 1000) / elapsedMs)} records/s`);
  return parts.join(', ');
}
