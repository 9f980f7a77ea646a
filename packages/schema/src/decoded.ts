/** Why bytes did not decode; a closed list, so that callers can count by it. */
export const MALFORMED_REASONS = [
  'no-value',
  'unknown-form',
  'not-utf8',
  'not-json',
  'bad-sentence',
  'bad-field',
  'bad-header',
  'key-mismatch',
] as const;

/** One of {@link MALFORMED_REASONS}. */
export type MalformedReason = (typeof MALFORMED_REASONS)[number];

/** What did not decode; `detail` is one line for people, printable as it stands, naming field and bound. */
export interface Malformed {
  readonly status: 'malformed';
  readonly reason: MalformedReason;
  readonly detail: string;
}

/** What every decoder returns: decoders never throw, whatever the bytes. */
export type Decoded<T> = { readonly status: 'decoded'; readonly value: T } | Malformed;

/** Builds the malformed outcome. */
export function malformed(reason: MalformedReason, detail: string): Malformed {
  return { status: 'malformed', reason, detail };
}
