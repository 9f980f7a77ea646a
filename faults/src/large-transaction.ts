/** More records than one request of a partition holds, with URLs that long. */
export const LARGE_TRANSACTION = { records: 4_000, urlBytes: 2_000 };

/** Lets all that there is to read into one transaction, which then has more than one request. */
export const LARGE_TRANSACTION_ENVIRONMENT = { COMMIT_MAX_RECORDS: '1000000', COMMIT_INTERVAL_MS: '5000' };
