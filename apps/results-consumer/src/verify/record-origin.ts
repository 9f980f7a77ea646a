/** Where a record stood, and when it came there, ms since the epoch. */
export interface RecordOrigin {
  readonly partition: number;
  readonly offset: number;
  readonly ingestTime: number;
}
