const KEY = 'clickstream-reloaded-for';

/**
 * Loads the page anew for another version of what the server sends.
 *
 * @returns false, and does nothing, if that was tried for this version already: the server has no page that fits
 */
export function reloadOnce(version: number): boolean {
  if (sessionStorage.getItem(KEY) === String(version)) return false;
  sessionStorage.setItem(KEY, String(version));
  location.reload();
  return true;
}
