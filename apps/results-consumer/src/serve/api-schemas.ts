import { DEAD_LETTER_REASONS } from '@clickstream/schema';
import { z } from 'zod';
import type { BooksView } from '../core/views/books.ts';
import type { Overview } from '../core/views/click-views.ts';
import { DEAD_LETTERS_MAX, type DeadLetterCounts, type DeadLetterView } from '../core/views/dead-letters.ts';
import type { Latency } from '../core/views/latency-window.ts';
import { TOP_PAGES_MAX } from '../core/views/page-windows.ts';
import type { SessionView } from '../core/views/sessions.ts';
import { TOP_USERS_MAX, type UserTotal } from '../core/views/user-totals.ts';
import type { NotReady } from './not-ready.ts';
import type { PagesBody } from './pages-body.ts';
import type { Problem } from './problem.ts';

const count = z.int().min(0);
const timeMs = z.int().describe('ms since the epoch');
const userId = z.string().min(1).max(256);

export const problemSchema: z.ZodType<Problem> = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
});

const userTotal = z.object({
  userId,
  clicks: count,
  lastClickAt: timeMs.describe('Event time of the last click, ms since the epoch'),
  lastUrl: z.string().describe('Its url, at most 256 characters'),
}) satisfies z.ZodType<UserTotal>;

const session: z.ZodType<SessionView> = z.object({
  sessionId: z.string(),
  userId,
  start: timeMs,
  end: timeMs.describe('Time of its last click, ms since the epoch'),
  clicks: count,
  entryUrl: z.string(),
  exitUrl: z.string(),
  bounce: z.boolean().describe('A single click'),
  final: z.boolean().describe('Whether it is over'),
});

const sessionsComplete = z
  .boolean()
  .describe('Whether all sessions are known that the topic has; else those that changed last');

const latency: z.ZodType<Latency> = z.object({
  p50Ms: count.nullable(),
  p99Ms: count.nullable(),
  windowSeconds: count,
  updates: count,
});

const books: z.ZodType<BooksView> = z.object({
  partitions: count,
  read: count,
  received: count,
  forwarded: count,
  inFlight: count,
  counted: count,
  duplicate: count,
  rejected: count,
  windowed: count.exactOptional(),
  late: count.exactOptional(),
  missed: count.exactOptional(),
  sessioned: count.exactOptional(),
  sessionLate: count.exactOptional(),
  balances: z.boolean().nullable(),
  problems: z.array(z.string()),
});

const reason = z.enum(DEAD_LETTER_REASONS);
const deadLetterCounts = z.object({
  total: count,
  byReason: z.partialRecord(reason, count),
  complete: z
    .boolean()
    .describe('Whether all that were there at the start have been read; else there are at least that many'),
}) satisfies z.ZodType<DeadLetterCounts>;
const deadLetter: z.ZodType<DeadLetterView> = z.object({
  reason,
  detail: z.string(),
  topic: z.string(),
  partition: count,
  offset: z.string(),
  timestamp: timeMs,
  key: z.string().nullable(),
  value: z.string().nullable(),
});

const overview: z.ZodType<Overview> = z.object({
  now: timeMs,
  ready: z
    .boolean()
    .describe(
      "Whether everything that was there at the start has been read, but for dead letters and the rate's past",
    ),
  totalClicks: count,
  users: count,
  activeUsers5m: count.describe('Users whose last click was at most 5 minutes ago, by event time'),
  clicksPerSecond: z.number().describe('Mean of the last 5 full seconds'),
  openSessions: count,
  sessionGapMs: z
    .int()
    .nullable()
    .describe('After so long without a click of its user a session is over; null while it is not known'),
  lagRecords: count.describe('Clicks that are not counted yet'),
  oldestWaitingSeconds: z
    .number()
    .nullable()
    .describe('Age of the oldest of them; 0 if none waits, null while that is not known'),
  latency,
  deadLetters: deadLetterCounts,
  books,
});

const pages: z.ZodType<PagesBody> = z.object({
  windowStart: timeMs.nullable(),
  windowEnd: timeMs.nullable(),
  final: z
    .boolean()
    .describe(
      'Whether all partitions have closed it, but for those that are idle; a click of one of these may still come',
    ),
  usersExact: z.boolean(),
  pages: z.array(
    z.object({
      page: z.string().describe('At most 256 characters'),
      key: z.string().describe('Tells pages apart of which no more than the beginning is shown'),
      clicks: count,
      users: count,
    }),
  ),
  complete: z
    .boolean()
    .describe('Whether all of its pages are kept; else totalPages and clicks are at least that many'),
  totalPages: count,
  clicks: count,
  windows: z.array(timeMs).describe('Starts of the windows that can be asked for, newest first'),
});

const complete = z
  .boolean()
  .describe(
    'Whether the dead letters and the past of the rate have been read too, for which it does not wait',
  );

/** What each path takes and answers with, for validation and for the OpenAPI document. */
export const apiSchemas = {
  overview: { response: overview },
  users: {
    query: z.strictObject({ top: z.int().min(1).max(TOP_USERS_MAX).default(20) }),
    response: z.object({ users: z.array(userTotal), totalUsers: count }),
  },
  user: {
    parameters: z.strictObject({ userId }),
    query: z.strictObject({ id: userId }),
    response: userTotal.extend({ sessions: z.array(session), sessionsComplete }),
  },
  pages: {
    query: z.strictObject({
      window: z
        .string()
        .regex(/^(current|\d{1,15})$/)
        .default('current')
        .describe('`current`, or the start of a window in ms since the epoch'),
      top: z.int().min(1).max(TOP_PAGES_MAX).default(20),
    }),
    response: pages,
  },
  sessions: {
    query: z.strictObject({ user: userId }),
    response: z.object({ sessions: z.array(session), complete: sessionsComplete }),
  },
  books: { response: books },
  latency: { response: latency },
  deadLetters: {
    query: z.strictObject({
      reason: reason.optional(),
      limit: z.int().min(1).max(DEAD_LETTERS_MAX).default(20),
    }),
    response: deadLetterCounts.extend({ deadLetters: z.array(deadLetter) }),
  },
  healthz: z.object({ status: z.literal('alive') }),
  readyz: {
    response: z.object({ status: z.literal('ready'), complete }),
    problem: z.object({
      status: z.literal('not ready'),
      complete,
      code: z
        .enum(['reading', 'silent'])
        .describe('Still reading what was there at the start, or Kafka does not answer'),
      reason: z.string(),
      silenceMs: count.exactOptional().describe('For how long Kafka has not answered, ms'),
      partition: z
        .string()
        .exactOptional()
        .describe(
          'For which partition, if it answers for others; only for who knows the token, if there is one',
        ),
    }) satisfies z.ZodType<NotReady>,
  },
  stream: { query: z.strictObject({}) },
  clickStream: { query: z.strictObject({ user: userId.optional(), page: z.string().min(1).optional() }) },
} as const;

/** A zod schema as fastify takes it, and OpenAPI 3.1. */
export function jsonSchema(schema: z.ZodType): object {
  const entries = Object.entries(z.toJSONSchema(schema, { target: 'draft-7', io: 'input' }));
  return Object.fromEntries(entries.filter(([name]) => name !== '$schema'));
}
