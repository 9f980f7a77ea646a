import type { Books } from './checkpoint-record.ts';
import type { Finding } from './findings.ts';

/** What one verification found; with `--json` it is printed as it is. */
export interface Report {
  /** `unchecked`: nothing is wrong, and not everything could be compared. */
  readonly verdict: 'pass' | 'fail' | 'unchecked';
  readonly problems: readonly Finding[];
  /** What could not be compared. */
  readonly gaps: readonly Finding[];
  /** Users with a total or a click. */
  readonly users: number;
  readonly differing: number;
  /** Pages in windows, each of the clicks of one partition, with a result or a click. */
  readonly windows: { readonly results: number; readonly differing: number };
  /** Those in force, and the users of whom some differ. */
  readonly sessions: { readonly sessions: number; readonly differing: number };
  /** The books of all tasks, clicks that came too late, clicks forwarded and not counted yet, offsets that no task has read yet. */
  readonly clicks: Books & {
    readonly late: number;
    readonly missed: number;
    readonly sessionLate: number;
    readonly inFlight: number;
    readonly notReadYet: number;
  };
  readonly manifest?: { readonly run: string; readonly clicks: number };
  /** How far each task was: the number of its checkpoint, its position in the clicks, the end of its totals. */
  readonly cut: readonly {
    readonly partition: number;
    readonly checkpoint: number;
    readonly position: number;
    readonly resultEnd: number;
  }[];
  /** Cuts that were taken; more than one where compaction came between. */
  readonly cuts: number;
  readonly seconds: number;
}

/** Findings shown to a person. */
const SHOWN_FINDINGS = 20;

/** A report for people. Its lines may hold raw text of records: make them printable. */
export function formatReport(report: Report): string[] {
  const { verdict, problems, gaps, users, windows, sessions, clicks, manifest, cut, cuts, seconds } = report;
  const partitions = `${cut.length} ${cut.length === 1 ? 'partition' : 'partitions'}`;
  const scope = `${clicks.counted} clicks of ${users} users in ${partitions}, ${seconds.toFixed(1)} s`;
  const findings = [...problems, ...gaps];
  return [
    {
      pass: `PASS: every total, window and session is exact (${scope})`,
      fail: `FAIL: ${problems[0]?.text ?? ''} (${scope})`,
      unchecked: `COULD NOT CHECK everything, and found nothing wrong (${scope})`,
    }[verdict],
    ...findings
      .slice(0, SHOWN_FINDINGS)
      .map(({ check, text, count }) => `  ${check}: ${text}${count > 1 ? `; ${count} of the kind` : ''}`),
    ...(findings.length > SHOWN_FINDINGS ? [`  and ${findings.length - SHOWN_FINDINGS} more`] : []),
    `  clicks: ${clicks.read} read, ${clicks.counted} counted, ${clicks.duplicate} duplicates, ${clicks.rejected} rejected, ${clicks.forwarded} forwarded of which ${clicks.inFlight} in flight, ${clicks.notReadYet} not read yet`,
    `  windows: ${windows.results} results of pages in windows, ${clicks.late} clicks late, ${clicks.missed} late for some`,
    `  sessions: ${sessions.sessions}, ${clicks.sessionLate} clicks late`,
    ...(manifest ? [`  manifest: ${manifest.clicks} clicks acknowledged in run ${manifest.run}`] : []),
    ...(cuts > 1 ? [`  ${cuts} cuts were taken, since results were compacted meanwhile`] : []),
    ...cut.map(
      ({ partition, checkpoint, position, resultEnd }) =>
        `  cut: partition ${partition} at checkpoint ${checkpoint}, clicks below offset ${position}, totals below offset ${resultEnd}`,
    ),
    '  checked: totals, windows, sessions and duplicates against a recount of the clicks, growth of every total, late clicks, sums, books, positions, dead letters',
  ];
}
