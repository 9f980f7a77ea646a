import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordCursor } from '../src/fetched-batch.ts';
import { forwardHeaders, originOf } from '../src/forwarding.ts';

const INT64_MAX = 2n ** 63n - 1n;

/** A record, as far as forwarding looks at it. */
function record(facts: {
  offset?: bigint;
  timestampMs?: number;
  key?: Buffer | null;
  headers?: [string, Buffer][];
}): RecordCursor {
  const { offset = 0n, timestampMs = 0, key = null, headers = [] } = facts;
  return {
    offset,
    timestampMs,
    key: () => key,
    headers: () => headers,
  } as Partial<RecordCursor> as RecordCursor;
}

function asList(headers: Record<string, Buffer | Buffer[]>): [string, Buffer][] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, Buffer] => [name, value]),
  );
}

const bytes = fc.uint8Array().map((array) => Buffer.from(array));
const OWN = ['topic', 'partition', 'offset', 'timestamp', 'key', 'keyless'].map((name) => `origin-${name}`);

test('a forwarded record says where it was read and as what, whatever offset, timestamp, key and headers it had', () => {
  fc.assert(
    fc.property(
      fc.record({
        topic: fc.string({ minLength: 1 }),
        partition: fc.nat(),
        offset: fc.bigInt({ min: 0n, max: INT64_MAX }),
        // Without a timestamp, Kafka's is -1.
        timestampMs: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
        key: fc.oneof(fc.constant(null), fc.constant(Buffer.from('42')), bytes),
      }),
      fc.array(
        fc.tuple(fc.oneof(fc.string(), fc.constantFrom(...OWN, 'origin-country', '__proto__')), bytes),
      ),
      (origin, headers) => {
        const { offset, timestampMs, key } = origin;
        const forwardKey = Buffer.from('42');
        const sent = asList(
          forwardHeaders(record({ offset, timestampMs, key, headers }), forwardKey, origin),
        );
        const found = originOf(record({ key: forwardKey, headers: sent }));
        expect({ ...found, headers: undefined }).toEqual({ ...origin, headers: undefined });
        // Headers of one name keep their order; a name of ours cannot be forged.
        const byName = (a: readonly [string, Buffer], b: readonly [string, Buffer]) =>
          a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
        const expected = headers.filter(([name]) => !OWN.includes(name));
        expect(found?.headers.toSorted(byName)).toEqual(expected.toSorted(byName));
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
