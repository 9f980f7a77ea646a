/** Headers of a record in their order; a name may occur several times. */
export type RecordHeaders = readonly (readonly [name: string, value: Buffer])[];
