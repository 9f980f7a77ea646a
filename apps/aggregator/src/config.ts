import {
  healthEnvironment,
  internalTopics,
  kafkaEnvironment,
  logEnvironment,
  parseEnvironment,
  type Environment,
} from '@clickstream/kafka-client';
import { RECORD_FORMATS, topicEnvironment } from '@clickstream/schema';
import { z } from 'zod';

/** A whole number within bounds, both of them included. */
function wholeNumber(min: number, max: number): z.ZodCoercedNumber {
  const bounds = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number(bounds).int(bounds).min(min, bounds).max(max, bounds);
}

const DAY_MS = 86_400_000;
const MOST_WINDOWS = 1_000;
/** Pages in all windows that are open at once: at some 600 bytes each, that is 600 MB per partition. */
const MOST_PAGES = 1_000_000;

/** Every variable that the aggregator obeys. */
export const environmentSchema = z
  .object({
    ...kafkaEnvironment,
    ...logEnvironment,
    ...healthEnvironment,
    ...topicEnvironment,
    INSTANCE_ID: z
      .string()
      .regex(/^[a-zA-Z0-9._-]{1,200}$/, 'must be 1 to 200 letters, digits, dots, dashes or underscores')
      .optional()
      .describe(
        'Makes this a static group member: a restart within 10 s moves no partition. Different for each instance',
      ),
    RESULT_FORMAT: z
      .enum(RECORD_FORMATS)
      .prefault('json')
      .describe('Form of the running totals: `json` or `sentence`'),
    RESULT_EMIT: z
      .enum(['coalesced', 'every'])
      .prefault('coalesced')
      .describe('`coalesced` publishes one total per user and commit, `every` one per click'),
    COMMIT_INTERVAL_MS: wholeNumber(0, 10_000)
      .prefault('20')
      .describe(
        'Least time between two commits of a partition, in ms; 0 commits whenever something was counted',
      ),
    COMMIT_MAX_RECORDS: wholeNumber(1, 1_000_000)
      .prefault('50000')
      .describe(
        'Most records written in one transaction; it also ends at 8 MB, and sooner where transactions take long',
      ),
    WINDOW_SIZE_MS: wholeNumber(1, DAY_MS)
      .prefault('60000')
      .describe('Length of a window of clicks per page, in ms of event time'),
    WINDOW_ADVANCE_MS: wholeNumber(1, DAY_MS)
      .optional()
      .describe(
        'A new window begins each so many ms; must divide WINDOW_SIZE_MS, which is its default: windows then do not overlap',
      ),
    GRACE_MS: wholeNumber(0, DAY_MS)
      .prefault('10000')
      .describe(
        'How long windows and sessions wait after their end for clicks out of order, in ms of stream time',
      ),
    MAX_PAGES_PER_WINDOW: wholeNumber(1, MOST_PAGES)
      .prefault('10000')
      .describe(
        'Pages that a window of one partition keeps apart, if they have 256 characters each on average; clicks on further ones count as `(other)`',
      ),
    PAGE_KEY: z
      .enum(['path', 'url'])
      .prefault('path')
      .describe(
        'What a page is: `path` (the url without origin, query string and fragment) or the whole `url`',
      ),
    SESSION_GAP_MS: wholeNumber(1, 7 * DAY_MS)
      .prefault('1800000')
      .describe('Clicks of a user less than so many ms apart are one session'),
    // Longer than the pauses of a live site's traffic and of a garbage collection; and it only ever delays the last window:
    // the idle time counted from then on includes it.
    IDLE_TIMEOUT_MS: wholeNumber(100, DAY_MS)
      .prefault('10000')
      .describe('When nothing has come for so many ms, windows and sessions close by the time that passes'),
    MAX_FUTURE_MS: wholeNumber(0, 365 * DAY_MS)
      .prefault('300000')
      .describe(
        'Clicks whose event time is more than so many ms after their ingest time are rejected. Above GRACE_MS, a fast clock makes clicks of others late',
      ),
    DEDUPLICATION_HORIZON_MS: wholeNumber(1_000, 7 * DAY_MS)
      .prefault('3600000')
      .describe('An event id is remembered for so many ms of ingest time after its last appearance'),
    DEDUPLICATION_MAX_IDS: wholeNumber(1_000, 100_000_000)
      .prefault('1000000')
      .describe(
        'Most event ids remembered per partition, at most 24 bytes each; the oldest are forgotten early',
      ),
  })
  .superRefine((config, context) => {
    // Its own results or dead letters read as clicks would make dead letters without end.
    const { repartition, checkpoint } = internalTopics(config.APPLICATION_ID);
    const takenBy = new Map([repartition, checkpoint].map(({ name }) => [name, 'APPLICATION_ID']));
    for (const variable of [
      'CLICKSTREAM_TOPIC',
      'USER_CLICK_AGGREGATION_TOPIC',
      'PAGE_CLICK_AGGREGATION_TOPIC',
      'USER_SESSION_AGGREGATION_TOPIC',
      'DEAD_LETTER_TOPIC',
    ] as const) {
      const other = takenBy.get(config[variable]);
      if (other !== undefined)
        context.addIssue({ code: 'custom', path: [variable], message: `must not be the topic of ${other}` });
      takenBy.set(config[variable], variable);
    }
    const { WINDOW_SIZE_MS: sizeMs, WINDOW_ADVANCE_MS: advanceMs = sizeMs } = config;
    const path = ['WINDOW_ADVANCE_MS'];
    if (sizeMs % advanceMs !== 0)
      context.addIssue({ code: 'custom', path, message: `must divide WINDOW_SIZE_MS, which is ${sizeMs}` });
    // Each click is counted in so many windows.
    else if (sizeMs / advanceMs > MOST_WINDOWS)
      context.addIssue({
        code: 'custom',
        path,
        message: `must be at least a ${MOST_WINDOWS}th of WINDOW_SIZE_MS, which is ${sizeMs}`,
      });
    else {
      // A window stays open until the grace after its end is over.
      const openAtOnce = Math.ceil((sizeMs + config.GRACE_MS) / advanceMs);
      if (openAtOnce > MOST_PAGES)
        context.addIssue({
          code: 'custom',
          path: ['GRACE_MS'],
          message: `must be at most ${MOST_PAGES * advanceMs - sizeMs} with a window each ${advanceMs} ms: each stays open for so long after its end`,
        });
      else if (config.MAX_PAGES_PER_WINDOW * openAtOnce > MOST_PAGES)
        context.addIssue({
          code: 'custom',
          path: ['MAX_PAGES_PER_WINDOW'],
          message: `must be at most ${Math.floor(MOST_PAGES / openAtOnce)} with the ${openAtOnce} windows that WINDOW_SIZE_MS, WINDOW_ADVANCE_MS and GRACE_MS keep open at once`,
        });
    }
  });

/** @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` naming every wrong variable. */
export function readConfig(environment: Environment): z.output<typeof environmentSchema> {
  return parseEnvironment(environmentSchema, environment);
}
