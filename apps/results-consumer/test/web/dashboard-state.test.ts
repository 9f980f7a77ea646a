import { expect, test } from 'vitest';
import { applyDelta, type DashboardState } from '../../web/state/dashboard-state.ts';

const state = {
  overview: { totalClicks: 1 },
  rate: [
    [100, 5],
    [101, 2],
  ],
  users: [{ userId: 'a' }],
  settings: { rateWindowSeconds: 3 },
} as unknown as DashboardState;

test('takes over each part that changed, whole, and keeps the others', () => {
  const after = applyDelta(state, { users: [] });
  expect(after).toEqual({ ...state, users: [] });
  expect(after.rate).toBe(state.rate);
});

test('merges the rate by second, in order, and lets go what has left the window', () => {
  const { rate } = applyDelta(state, {
    rate: [
      [103, 1],
      [101, 9],
    ],
  });
  expect(rate).toEqual([
    [101, 9],
    [103, 1],
  ]);
});

test('leaves the state before as it was', () => {
  applyDelta(state, { rate: [[101, 100]] });
  expect(state.rate).toEqual([
    [100, 5],
    [101, 2],
  ]);
});
