/** The page that a click is on: its url, or of that the path alone, which is at least `/`. */
export function pageOfClick(url: string, pageKey: 'path' | 'url'): string {
  if (pageKey === 'url') return url;
  const [, path = ''] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)/.exec(url) ?? [];
  return path === '' ? '/' : path;
}
