/** The two inputs of a task: clicks as they were produced, and those that were forwarded to their home. */
export type InputName = 'input' | 'repartition';

/** A record as far as memory has to find it again. */
export interface ReadRecord {
  /** Its offset in the input. Ask only when it is needed: it is computed. */
  readonly offset: bigint;
}
