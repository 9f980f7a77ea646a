import { formatRate } from './format-summary.ts';

/** How far a replay is. */
export interface ReplayState {
  readonly clicks: number;
  readonly malformed: number;
  readonly bytesDone: number;
  /** Undefined for a pipe, which does not tell. */
  readonly totalBytes: number | undefined;
  readonly elapsedMs: number;
}

/** The share of the source that was read, 0 to 1; undefined for a pipe. */
export function progressOf({ bytesDone, totalBytes }: ReplayState): number | undefined {
  return totalBytes === undefined ? undefined : totalBytes === 0 ? 1 : Math.min(1, bytesDone / totalBytes);
}

/** `45 %, 123456 clicks, 61000 clicks/s, ETA 2 s`: share and ETA only where the size is known. */
export function formatProgress(state: ReplayState): string {
  const progress = progressOf(state);
  const parts = [`${state.clicks} clicks`, `${formatRate(state.clicks, state.elapsedMs)} clicks/s`];
  if (state.malformed > 0) parts.splice(1, 0, `${state.malformed} malformed`);
  if (progress !== undefined) {
    parts.unshift(`${Math.floor(progress * 100)} %`);
    if (progress > 0 && progress < 1)
      parts.push(`ETA ${formatSeconds((state.elapsedMs * (1 - progress)) / progress / 1000)}`);
  }
  return parts.join(', ');
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
