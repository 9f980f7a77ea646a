/** A result as a record: key and value in UTF-8. */
export interface EncodedResult {
  readonly key: string;
  readonly value: string;
}
