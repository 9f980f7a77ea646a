/** The two forms that clicks and running totals have on the wire; readers accept both, mixed. */
export const RECORD_FORMATS = ['json', 'sentence'] as const;

/** One of {@link RECORD_FORMATS}. */
export type RecordFormat = (typeof RECORD_FORMATS)[number];
