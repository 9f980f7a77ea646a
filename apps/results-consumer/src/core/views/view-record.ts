/** A Kafka record as the views read it; it may be another one after the call that it was given to. */
export interface ViewRecord {
  readonly offset: bigint;
  /** Kafka's timestamp, ms since the epoch. */
  readonly timestampMs: number;
  /** What the ranges below point into. */
  readonly bytes: Buffer;
  /** First byte of the key, -1 for a null key; so with the value. */
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  key(): Buffer | null;
  value(): Buffer | null;
  header(name: string): Buffer | undefined;
  headers(): [name: string, value: Buffer][];
}
