import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { topScreen, type TopState } from '../../src/core/top-screen.ts';
import { ClickViews } from '../../src/core/views/click-views.ts';
import { markingStyle, plainStyle } from './marking-style.ts';

const NOW = 1_800_000_000_000;

function state(rows: number, text = ''): TopState {
  return {
    overview: { ...new ClickViews(1, NOW).overview(NOW), totalClicks: 1_234_567, clicksPerSecond: 12.5 },
    users: Array.from({ length: rows }, (_, index) => ({
      userId: `${text}user${index}`,
      clicks: 1_000_000 - index,
      lastClickAt: NOW - 61_000,
      lastUrl: `/page${text}`,
    })),
    pages: {
      windowStart: 60_000,
      windowEnd: 120_000,
      final: true,
      usersExact: false,
      pages: Array.from({ length: rows }, (_, index) => ({
        page: `/${text}${index}`,
        key: '',
        clicks: 7,
        users: 3,
      })),
      complete: true,
      totalPages: rows,
      clicks: 7 * rows,
      windows: [60_000],
    },
  };
}

test('shows users and pages in columns', () => {
  const lines = topScreen(state(1), { columns: 74, rows: undefined }, markingStyle);
  expect(lines).toEqual([
    '1,234,567 clicks · 0 users · 12.5 clicks/s · 0 active in 5 min',
    '(lag 0 clicks, 0 s · latency not measured · ≥0 dead letters · no books yet)',
    '',
    '<USER                           CLICKS      LAST ON>',
    '[user0]                       1,000,000   1 m ago /page',
    '',
    '<PAGE (00:01:00 to 00:02:00 UTC, final)                 CLICKS        USERS>',
    '[/0]                                                          7           ≥3',
  ]);
});

test.each([
  [80, 24],
  [40, 10],
  [20, 9],
  [120, 50],
])('fits into %d columns and %d rows', (columns, rows) => {
  const lines = topScreen(state(100), { columns, rows }, plainStyle);
  expect(lines.length).toBeLessThanOrEqual(rows);
  expect(lines.some((line) => line.startsWith('user0'))).toBe(true);
  expect(lines.some((line) => line.startsWith('/0'))).toBe(true);
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
});

test.each([0, 1, 5, 8])('fits into %d rows', (rows) => {
  expect(topScreen(state(100), { columns: 80, rows }, plainStyle)).toHaveLength(rows);
});

test('lets no hostile text play with the terminal or the layout', () => {
  const hostile = '\u001b[2J\u202e\n\r\u0007\u009b31m<b>日本' + 'x'.repeat(10_000);
  const lines = topScreen(state(5, hostile), { columns: 80, rows: 24 }, plainStyle);
  expect(lines.length).toBeLessThanOrEqual(24);
  for (const line of lines) {
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(stringWidth(line)).toBeLessThanOrEqual(80);
  }
  expect(lines.join('\n')).toContain('\\x1b[2J\\u202e');
});

test('warns of books that do not balance', () => {
  const { overview, ...rest } = state(0);
  const books = { ...overview.books, balances: false };
  const [, health] = topScreen(
    { overview: { ...overview, books }, ...rest },
    { columns: 99, rows: 9 },
    markingStyle,
  );
  expect(health).toMatch(/^!.*BOOKS DO NOT BALANCE!$/);
});

test('says so where there is nothing yet', () => {
  const lines = topScreen({ ...state(0), pages: undefined }, { columns: 80, rows: 24 }, plainStyle);
  expect(lines).toContain('no clicks have been counted yet');
  expect(lines).toContain('no window has been counted yet');
});
