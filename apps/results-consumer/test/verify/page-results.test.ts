import { describe, expect, test } from 'vitest';
import { pageOfClick } from '../../src/verify/page-of-click.ts';
import { windowStarts } from '../../src/verify/page-results.ts';

test.for([
  ['tumbling', 59_999, 60_000, [0]],
  ['tumbling, at a start', 60_000, 60_000, [60_000]],
  ['hopping', 65_000, 20_000, [20_000, 40_000, 60_000]],
  ['hopping, at a start', 60_000, 20_000, [20_000, 40_000, 60_000]],
  ['hopping, near the epoch', 5_000, 20_000, [-40_000, -20_000, 0]],
] as const)('windows of a minute, %s', ([, timestamp, advanceMs, starts]) => {
  expect(windowStarts(timestamp, { sizeMs: 60_000, advanceMs })).toEqual(starts);
});

describe('the page of a click', () => {
  test.for([
    ['/a/b?x=1#y', '/a/b'],
    ['/a#y?x', '/a'],
    ['https://example.org/a?x', '/a'],
    ['https://example.org', '/'],
    ['?x', '/'],
    ['page3', 'page3'],
    ['/a://b/c', '/a://b/c'],
  ] as const)('of %s is %s', ([url, page]) => {
    expect(pageOfClick(url, 'path')).toBe(page);
    expect(pageOfClick(url, 'url')).toBe(url);
  });
});
