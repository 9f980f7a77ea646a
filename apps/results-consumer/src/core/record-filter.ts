import { pageOfUrl } from './page-of-url.ts';

/** Tells whether a user is one of those asked for; everybody is when none was. */
export function createUserFilter(users: readonly string[] | undefined): (userId: string) => boolean {
  if (users === undefined) return () => true;
  const wanted = new Set(users);
  return (userId) => wanted.has(userId);
}

/**
 * Tells whether a url is of one of the pages asked for; every url is when none was. Pages are equal or not: `/page1`
 * is no prefix of `/page10`. A page may be given as a url.
 */
export function createPageFilter(pages: readonly string[] | undefined): (url: string) => boolean {
  if (pages === undefined) return () => true;
  const wanted = new Set(pages.map(pageOfUrl));
  return (url) => wanted.has(pageOfUrl(url));
}
