import type { Outcome } from './fault.ts';

const COLUMNS = ['fault', 'rounds', 'clicks', 'lost', 'doubled', 'recovered: median', 'at most'];

/** The outcomes as a table in Markdown, aligned so that it reads as well in a terminal. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ fault, rounds, clicks, lost, doubled, recoveriesMs, failure }) => [
    fault.title,
    // How far a fault got that has failed, its log tells.
    failure ? `of ${rounds}` : String(rounds),
    clicks.toLocaleString('en'),
    String(lost),
    String(doubled),
    recoveriesMs.length === 0 ? '' : inSeconds(median(recoveriesMs)),
    recoveriesMs.length === 0 ? '' : inSeconds(Math.max(...recoveriesMs)),
  ]);
  const widths = COLUMNS.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(COLUMNS), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
