import { expect, it } from 'vitest';
import { IngestClock } from '../../src/core/ingest-clock.ts';

it.each([
  ['nothing while an input that may be behind brought nothing', 5, undefined, false, false, -Infinity],
  ['the smaller one while both are behind', 5, 3, false, false, 3],
  ['the one that is behind', 5, 3, false, true, 5],
  ['the one that is behind, be it earlier', 5, 3, true, false, 3],
  ['the greater one when both are at their end', 5, 3, true, true, 5],
])('shows %s', (_, input, repartition, isInputCaughtUp, isRepartitionCaughtUp, time) => {
  const clock = new IngestClock();
  clock.read('input', input);
  if (repartition !== undefined) clock.read('repartition', repartition);
  clock.caughtUp('input', isInputCaughtUp);
  clock.caughtUp('repartition', isRepartitionCaughtUp);
  expect(clock.time).toBe(time);
  const restarted = new IngestClock();
  restarted.resume(clock.state);
  expect(restarted.time).toBe(time);
});

it('never falls', () => {
  const clock = new IngestClock();
  clock.caughtUp('repartition', true);
  expect(clock.read('input', 5)).toBe(true);
  expect(clock.read('input', 4)).toBe(false);
  clock.caughtUp('repartition', false);
  expect(clock.time).toBe(5);
});
