import { expect, test } from 'vitest';
import { countOf, countText, rateText } from '../../web/text/count-text.ts';
import { agoText, durationText } from '../../web/text/duration-text.ts';
import { lagText } from '../../web/text/lag-text.ts';
import { partText } from '../../web/text/part-text.ts';
import { sessionsText } from '../../web/text/sessions-text.ts';

test.each([
  [0, '0 ms'],
  [84.4, '84 ms'],
  [1_200, '1.2 s'],
  [9_949, '9.9 s'],
  [9_950, '10 s'],
  [90_000, '90 s'],
  [300_000, '5 min'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 min'],
  [3 * 86_400_000, '3 d'],
])('%d ms lasts %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [-5_000, 'now'],
  [1_999, 'now'],
  [2_000, '2 s ago'],
  [61_500, '61 s ago'],
  [130_000, '2 min ago'],
])('%d ms is %s', (ms, text) => {
  expect(agoText(ms)).toBe(text);
});

test.each([
  [1, null, '1 open session'],
  [4_800, 1_800_000, '4,800 open sessions; over after 30 min idle'],
])('%d are open, with a gap of %j ms: %s', (openSessions, sessionGapMs, text) => {
  expect(sessionsText({ openSessions, sessionGapMs })).toBe(text);
});

test('counts with their thousands apart and what they count', () => {
  expect(countText(1_234_567)).toBe('1,234,567');
  expect([0, 1, 2].map((count) => countOf(count, 'click'))).toEqual(['0 clicks', '1 click', '2 clicks']);
  expect([0, 3.25, 99.9, 5_012.4].map(rateText)).toEqual(['0', '3.3', '99.9', '5,012']);
});

test.each([
  [1, 'every click is shown'],
  [2, 'about every second click is shown'],
  [10, 'about every tenth click is shown'],
  [16, 'sample: about 1 in 16 clicks'],
  [1_667, 'sample: about 1 in 1,700 clicks'],
])('one of %d: %s', (oneOf, text) => {
  expect(partText(oneOf)).toBe(text);
});

test.each([
  [0, 0, 0, 'keeping up: nothing waits'],
  [5, 5, 0, 'on the way between partitions'],
  [6, 5, 0, 'keeping up: none waits 0.1 s'],
  [6, 0, null, 'since when is not known'],
  [6, 0, 1.5, 'keeping up: the oldest waits for 1.5 s'],
  [6, 0, 5, 'the oldest waits for 5.0 s'],
  [6, 0, 12, 'behind: the oldest waits for 12 s'],
])(
  '%d wait, %d of them on the way, the oldest for %j s: %s',
  (lagRecords, inFlight, oldestWaitingSeconds, text) => {
    expect(lagText({ lagRecords, oldestWaitingSeconds, books: { inFlight } })).toBe(text);
  },
);
