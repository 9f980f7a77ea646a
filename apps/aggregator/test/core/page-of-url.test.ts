import { expect, it } from 'vitest';
import { pageOfUrl } from '../../src/core/page-of-url.ts';

it.each([
  ['/a', '/a'],
  ['/a?q=1', '/a'],
  ['/a#part', '/a'],
  ['/a#part?no=query', '/a'],
  ['/a?q=1#part', '/a'],
  ['/?q', '/'],
  ['?q', '/'],
  ['https://example.org', '/'],
  ['https://example.org?q', '/'],
  ['HTTPS://example.org/a/b/?q', '/a/b/'],
  ['//example.org/a', '//example.org/a'],
  ['a/b', 'a/b'],
  ['(other)', '(other)'],
])('%s is of the page %s', (url, page) => {
  expect(pageOfUrl(url)).toBe(page);
});
