import { expect, test } from 'vitest';
import { connectionState, STALE_AFTER_MS } from '../../web/state/connection-state.ts';

const health = { isOpen: true, isRefused: false, isSilent: false, heardAtMs: 80_000, lastEventAtMs: 90_000 };

test.each([
  [true, undefined, { kind: 'connecting' }],
  [false, undefined, { kind: 'connecting' }],
  [true, 0, { kind: 'live' }],
  [true, STALE_AFTER_MS - 1, { kind: 'live' }],
  [false, STALE_AFTER_MS - 1, { kind: 'reconnecting', sinceMs: 90_000 - STALE_AFTER_MS + 1 }],
  // A connection that is open and says nothing is no better than none.
  [true, STALE_AFTER_MS, { kind: 'stale', sinceMs: 90_000 - STALE_AFTER_MS }],
  [false, STALE_AFTER_MS, { kind: 'stale', sinceMs: 90_000 - STALE_AFTER_MS }],
])('open %s, last event %s ms ago: %j', (isOpen, agoMs, state) => {
  const lastEventAtMs = agoMs === undefined ? undefined : 90_000 - agoMs;
  expect(connectionState({ ...health, isOpen, lastEventAtMs }, 90_000)).toEqual(state);
});

test('is not live while Kafka does not answer the server, and old since it last did', () => {
  expect(connectionState({ ...health, isSilent: true }, 90_000)).toEqual({ kind: 'silent', sinceMs: 80_000 });
});

test('does not wait for figures that were refused', () => {
  const refused = { ...health, isOpen: false, isRefused: true };
  expect(connectionState({ ...refused, lastEventAtMs: undefined }, 90_000)).toEqual({ kind: 'refused' });
  expect(connectionState({ ...refused, lastEventAtMs: 90_000 }, 90_000)).toMatchObject({
    kind: 'reconnecting',
  });
});
