const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)$/;

/**
 * Reads a duration such as `90s`, `5m`, `1.5h` or `1d`: one number and its unit.
 *
 * @returns whole milliseconds, rounded down.
 * @throws RangeError for anything else, with a text that says what is expected.
 */
export function parseDuration(text: string): number {
  const [, number, unit] = DURATION.exec(text) ?? [];
  const unitMs = unit === undefined ? undefined : UNIT_MS[unit];
  if (unitMs === undefined)
    throw new RangeError('It must be a number with its unit ms, s, m, h or d, such as 90s, 5m, 2h or 1d.');
  return Math.floor(Number(number) * unitMs);
}
