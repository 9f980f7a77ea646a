const SECOND_MS = 1_000;

/** A duration in the unit that reads best: `84 ms`, `1.2 s`, `4 min`, `2 h 5 min`, `3 d`. @param ms not negative */
export function durationText(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / SECOND_MS).toFixed(1)} s`;
  return longText(Math.round(ms / SECOND_MS));
}

/** How long ago something was, in whole units: `now`, `12 s ago`. What lies ahead of the clock is now. */
export function agoText(ms: number): string {
  return ms < 2 * SECOND_MS ? 'now' : `${longText(Math.floor(ms / SECOND_MS))} ago`;
}

function longText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d`;
}
