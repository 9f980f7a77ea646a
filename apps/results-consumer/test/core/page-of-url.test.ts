import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pageOfUrl } from '../../src/core/page-of-url.ts';

describe('pageOfUrl', () => {
  test.each([
    ['/page3', '/page3'],
    ['/page3?from=mail#top', '/page3'],
    ['/page3#a?b', '/page3'],
    ['https://example.org/a/b?c', '/a/b'],
    ['https://example.org', '/'],
    ['https://example.org?c', '/'],
    ['?c', '/'],
    ['/redirect/https://example.org/', '/redirect/https://example.org/'],
    ['page', 'page'],
  ])('of %s is %s', (url, page) => {
    expect(pageOfUrl(url)).toBe(page);
  });

  test('is the same whatever the query string', () => {
    fc.assert(
      fc.property(fc.webUrl(), fc.string(), (url, query) => {
        expect(pageOfUrl(`${url}?${query}`)).toBe(pageOfUrl(url));
      }),
    );
  });
});
