const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** The page that a url is of: its path, without scheme, host, query string and fragment. `/` for an empty path. */
export function pageOfUrl(url: string): string {
  const path = url.replace(ORIGIN, '');
  const end = path.search(/[?#]/);
  return (end < 0 ? path : path.slice(0, end)) || '/';
}
