const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;
const SLASH = 0x2f;

/** The page that a url is of: its path, without scheme, host, query string and fragment. `/` for an empty path. */
export function pageOfUrl(url: string): string {
  const path = url.charCodeAt(0) === SLASH ? url : url.replace(ORIGIN, '');
  const query = path.indexOf('?');
  const fragment = path.indexOf('#');
  if (query < 0 && fragment < 0) return path || '/';
  const end = query < 0 ? fragment : fragment < 0 ? query : Math.min(query, fragment);
  return path.slice(0, end) || '/';
}
