const withSeconds = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const withMinutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const withDay = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

const withDayAndSeconds = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** The time of day with seconds, in the browser's zone: `12:03:04`. @param ms since the epoch */
export function clockText(ms: number): string {
  return withSeconds.format(ms);
}

/** The time of day to the minute: `12:03`. @param ms since the epoch */
export function minuteText(ms: number): string {
  return withMinutes.format(ms);
}

/** Day and time to the minute: `3 Feb, 12:03`. @param ms since the epoch */
export function dayText(ms: number): string {
  return withDay.format(ms);
}

/** The start of a window, to tell it from others: `3 Feb, 12:03:00`. @param ms since the epoch */
export function windowText(ms: number): string {
  return withDayAndSeconds.format(ms);
}

/** A span of time, with seconds only if it has some: `12:03 to 12:04`. @param startMs, endMs since the epoch */
export function spanText(startMs: number, endMs: number): string {
  const text = startMs % 60_000 === 0 && endMs % 60_000 === 0 ? minuteText : clockText;
  return `${text(startMs)} to ${text(endMs)}`;
}

/** The browser's zone, such as `Europe/Zurich`. */
export function timeZoneText(): string {
  return withSeconds.resolvedOptions().timeZone;
}
