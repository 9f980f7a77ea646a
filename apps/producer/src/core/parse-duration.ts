const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const MS_PER_UNIT = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `30s`, `5m`, `2h` in milliseconds; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * MS_PER_UNIT[unit as keyof typeof MS_PER_UNIT];
}
