import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Decoded, EncodedResult, UserSession } from '@clickstream/schema';
import {
  CLICK_EVENT_LIMITS,
  decodeUserSession,
  decodeUserSessionKey,
  encodeUserSession,
  userSessionKey,
  userSessionSchema,
} from '@clickstream/schema';
import { lines, timestamps, TRAPS } from './click-event-arbitrary.ts';

const SESSION: UserSession = {
  userId: '42',
  sessionId: '42@1711111111123',
  start: 1711111111123,
  end: 1711111119000,
  clicks: 3,
  entryUrl: '/',
  exitUrl: '/page3?q=1',
  bounce: false,
  final: true,
};

function decode({ key, value }: EncodedResult): Decoded<UserSession> {
  return decodeUserSession(Buffer.from(key), Buffer.from(value));
}

it('is written as JSON under start and user id', () => {
  expect(encodeUserSession(SESSION)).toEqual({
    key: '1711111111123/42',
    value:
      '{"userId":"42","sessionId":"42@1711111111123","start":1711111111123,"end":1711111119000,"clicks":3,"entryUrl":"/","exitUrl":"/page3?q=1","bounce":false,"final":true}',
  });
});

it('decodes what was encoded, and its key alone, whatever the user id', () => {
  const sessions = fc
    .record(
      {
        userId: fc.oneof(lines(CLICK_EVENT_LIMITS.userIdLength), fc.constantFrom(...TRAPS, '1/2', '@', '"')),
        start: timestamps,
        end: timestamps,
        clicks: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
        entryUrl: lines(CLICK_EVENT_LIMITS.urlLength),
        exitUrl: lines(CLICK_EVENT_LIMITS.urlLength),
        final: fc.boolean(),
      },
      { noNullPrototype: true },
    )
    .map((session): UserSession => ({
      ...session,
      sessionId: `${session.userId}@${session.start}`,
      bounce: session.clicks === 1,
    }));
  fc.assert(
    fc.property(sessions, (session) => {
      expect(userSessionSchema.safeParse(session).success).toBe(true);
      const encoded = encodeUserSession(session);
      expect(decode(encoded)).toEqual({ status: 'decoded', value: session });
      const { userId, start } = session;
      expect(decodeUserSessionKey(Buffer.from(encoded.key))).toEqual({
        status: 'decoded',
        value: { userId, start },
      });
    }),
    { numRuns: 500 },
  );
});

it.each<[string, Partial<UserSession>, string]>([
  ['another user in its key', { userId: '43', sessionId: '43@1711111111123' }, 'key-mismatch'],
  ['another start in its key', { start: 1, sessionId: '42@1' }, 'key-mismatch'],
  ['another session id', { sessionId: '42@1' }, 'bad-field'],
  ['no clicks', { clicks: 0 }, 'bad-field'],
])('is refused with %s', (_, wrong, reason) => {
  const { key } = encodeUserSession(SESSION);
  expect(decode({ key, value: JSON.stringify({ ...SESSION, ...wrong }) })).toMatchObject({
    status: 'malformed',
    reason,
  });
});

it('is refused as a tombstone, whose key says which session it ends', () => {
  const key = Buffer.from(userSessionKey(SESSION));
  expect(decodeUserSession(key, null)).toMatchObject({ reason: 'no-value' });
  expect(decodeUserSessionKey(key)).toMatchObject({ value: { userId: '42', start: 1711111111123 } });
});

it.each([null, '', '42', '1/', '/42', '-1/42', `${'1'.repeat(16)}/42`])(
  'has no key of the form %j',
  (key) => {
    expect(decodeUserSessionKey(key === null ? null : Buffer.from(key))).toMatchObject({
      status: 'malformed',
      reason: 'key-mismatch',
    });
  },
);
