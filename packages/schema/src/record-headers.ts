/**
 * Headers of a record by name, in order; a name that occurs several times has a list. The shape that Kafka clients for
 * JavaScript take and give.
 */
export type RecordHeaders = Readonly<
  Record<string, Buffer | string | null | undefined | readonly (Buffer | string | null)[]>
>;
