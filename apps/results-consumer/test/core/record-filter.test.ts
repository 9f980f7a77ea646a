import { describe, expect, test } from 'vitest';
import { createPageFilter, createUserFilter } from '../../src/core/record-filter.ts';

describe('createUserFilter', () => {
  test('lets everybody through when nobody is asked for', () => {
    expect(createUserFilter(undefined)('42')).toBe(true);
  });

  test('lets through exactly those asked for', () => {
    const isWanted = createUserFilter(['42', '__proto__']);
    expect(['42', '__proto__', '4', '420', 'constructor'].filter(isWanted)).toEqual(['42', '__proto__']);
  });
});

describe('createPageFilter', () => {
  test('lets every url through when no page is asked for', () => {
    expect(createPageFilter(undefined)('anything')).toBe(true);
  });

  test('compares whole paths, without query string', () => {
    const isWanted = createPageFilter(['/page1', 'https://example.org/page2?x']);
    const urls = ['/page1', '/page1?a=b', '/page10', '/page', '/page2', 'http://other/page2#c', '/page1/'];
    expect(urls.filter(isWanted)).toEqual(['/page1', '/page1?a=b', '/page2', 'http://other/page2#c']);
  });
});
