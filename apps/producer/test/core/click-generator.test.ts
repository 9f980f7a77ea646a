import { decodeClickEvent, encodeClickEvent, RECORD_FORMATS } from '@clickstream/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createClickGenerator } from '../../src/core/click-generator.ts';

const plain = { users: 100, pages: 10, skew: 0, seed: 7, runId: 'run' };

function take(count: number, options: Partial<typeof plain> = {}, timestampMs = 0) {
  const generator = createClickGenerator({ ...plain, ...options });
  return Array.from({ length: count }, () => generator.next(timestampMs));
}

test('numbers the event ids of a run from 1', () => {
  expect(take(3).map(({ eventId }) => eventId)).toEqual(['run-1', 'run-2', 'run-3']);
});

test('draws the same users and pages from the same seed, whatever the run and the time', () => {
  const drawn = (clicks: ReturnType<typeof take>) => clicks.map(({ userId, url }) => [userId, url]);
  expect(drawn(take(50))).toEqual(drawn(take(50, { runId: 'other' }, 1_711_111_111_123)));
  expect(drawn(take(50))).not.toEqual(drawn(take(50, { seed: 8 })));
});

test('draws every user and every page, and no others', () => {
  const clicks = take(5_000);
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1));
  expect(new Set(clicks.map(({ userId }) => userId))).toEqual(new Set(numbers(100)));
  expect(new Set(clicks.map(({ url }) => url))).toEqual(new Set(numbers(10).map((page) => `/page${page}`)));
});

test('gives user 1 and page 1 the most clicks when skewed', () => {
  const clicks = take(2_000, { skew: 1 });
  const share = (field: 'userId' | 'url', value: string) =>
    clicks.filter((click) => click[field] === value).length / clicks.length;
  expect(share('userId', '1')).toBeGreaterThan(0.15); // 1 / H(100) = 0.193
  expect(share('url', '/page1')).toBeGreaterThan(0.3); // 1 / H(10) = 0.341
});

test('makes clicks that the schema takes, in both forms', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 0, max: 253_402_300_799_999 }),
      fc.constantFrom(...RECORD_FORMATS),
      (seed, timestampMs, format) => {
        const [click] = take(1, { seed }, timestampMs);
        const decoded = decodeClickEvent(Buffer.from(encodeClickEvent(click!, format)));
        expect(decoded).toMatchObject({
          status: 'decoded',
          value: { userId: click!.userId, timestamp: timestampMs },
        });
      },
    ),
  );
});
