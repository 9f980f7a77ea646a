import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordCursor } from '../src/fetched-batch.ts';
import { forwardHeaders, originOf } from '../src/forwarding.ts';

const INT64_MAX = 2n ** 63n - 1n;

/** A record, as far as forwarding looks at it. */
function record(facts: {
  offset?: bigint;
  timestampMs?: number;
  headers?: [string, Buffer][];
}): RecordCursor {
  const { offset = 0n, timestampMs = 0, headers = [] } = facts;
  return { offset, timestampMs, headers: () => headers } as Partial<RecordCursor> as RecordCursor;
}

function asList(headers: Record<string, Buffer | Buffer[]>): [string, Buffer][] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, Buffer] => [name, value]),
  );
}

test('a forwarded record says where it was read, whatever offset, timestamp and headers it had', () => {
  fc.assert(
    fc.property(
      fc.record({
        topic: fc.string({ minLength: 1 }),
        partition: fc.nat(),
        offset: fc.bigInt({ min: 0n, max: INT64_MAX }),
        // Without a timestamp, Kafka's is -1.
        timestampMs: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
      }),
      fc.array(
        fc.tuple(
          fc.oneof(fc.string(), fc.constantFrom('origin-topic', 'origin-offset', '__proto__')),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
      ),
      (origin, headers) => {
        const { offset, timestampMs } = origin;
        const sent = asList(forwardHeaders(record({ offset, timestampMs, headers }), origin));
        expect(originOf(record({ headers: sent }))).toEqual(origin);
        const own = (list: [string, Buffer][]) => list.filter(([name]) => !name.startsWith('origin-'));
        const byName = (a: [string, Buffer], b: [string, Buffer]) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
        expect(own(sent).toSorted(byName)).toEqual(own(headers).toSorted(byName));
      },
    ),
  );
});

test.each([
  ['nothing', []],
  ['an offset that is no number', [['origin-offset', Buffer.from('x')]]],
  ['an offset over 64 bits', [['origin-offset', Buffer.from('9'.repeat(20))]]],
] as [string, [string, Buffer][]][])('a record that says %s was not forwarded', (_, headers) => {
  const said: [string, Buffer][] = ['topic', 'partition', 'offset', 'timestamp'].map((name) => [
    `origin-${name}`,
    Buffer.from('1'),
  ]);
  expect(originOf(record({ headers: headers.length === 0 ? [] : [...said, ...headers] }))).toBeUndefined();
  expect(originOf(record({ headers: said }))).toBeDefined();
});
