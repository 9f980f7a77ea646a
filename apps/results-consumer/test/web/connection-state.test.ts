import { expect, test } from 'vitest';
import { connectionState, nextSilence, STALE_AFTER_MS } from '../../web/state/connection-state.ts';

const health = { isOpen: true, isRefused: false, silence: undefined, lastEventAtMs: 90_000 };

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
  const silence = { sinceMs: 80_000, isPartial: false };
  expect(connectionState({ ...health, silence }, 90_000)).toEqual({ kind: 'silent', ...silence });
});

test('says the same moment of one silence, and another of another', () => {
  const silence = { sinceMs: 80_000, isPartial: false };
  expect(nextSilence(undefined, silence)).toBe(silence);
  expect(nextSilence(silence, { ...silence, sinceMs: 80_900 })).toBe(silence);
  const all = { sinceMs: 80_900, isPartial: true };
  expect(nextSilence(silence, all)).toBe(all);
  const later = { sinceMs: 95_000, isPartial: false };
  expect(nextSilence(silence, later)).toBe(later);
  const unknown = { sinceMs: undefined, isPartial: false };
  expect(nextSilence(unknown, silence)).toBe(silence);
});

test('does not wait for figures that were refused', () => {
  const refused = { ...health, isOpen: false, isRefused: true };
  expect(connectionState({ ...refused, lastEventAtMs: undefined }, 90_000)).toEqual({ kind: 'refused' });
  expect(connectionState({ ...refused, lastEventAtMs: 90_000 }, 90_000)).toMatchObject({
    kind: 'reconnecting',
  });
});
