/** What is left of that from which the results of a partition can be counted anew. */
export interface Completeness {
  /** Whether all clicks are: otherwise a result may be greater than the recount. */
  readonly clicks: boolean;
  /** Whether all letters about late clicks are: otherwise a result may be less. */
  readonly letters: boolean;
  /** Whether it is known which one was counted of several clicks that have the same id. */
  readonly copies: boolean;
}

/** Whether a number that was published can be that of a recount. */
export function canBe(published: number, recounted: number, { clicks, letters }: Completeness): boolean {
  return (published <= recounted || !clicks) && (published >= recounted || !letters);
}
