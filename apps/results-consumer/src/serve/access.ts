import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';

const COOKIE = 'clickstream_dashboard';

/** Tells who may see the dashboard. */
export interface Access {
  /** Whether a request shows that it knows the token, in its `Authorization` or its cookie; any does without one. */
  isGranted(request: IncomingMessage): boolean;
  /** What to set as cookie and where to go on, for a url that has the right token in its query; else undefined. */
  logIn(url: string): { readonly cookie: string; readonly location: string } | undefined;
}

/** Guards the dashboard by a token, or by none. Comparisons take the same time wherever texts differ. */
export function createAccess(token: string | undefined): Access {
  if (token === undefined) return { isGranted: () => true, logIn: () => undefined };
  // The cookie does not give away the token itself. Lax: with Strict a link from another site leads to an answer that lacks it,
  // the redirect after a log-in included. What is asked for across sites otherwise has none, and nothing here changes anything.
  const secret = sha256(`cookie of ${token}`).toString('base64url');
  return {
    isGranted: ({ headers }) => {
      const bearer = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
      if (bearer !== undefined && isSame(bearer, token)) return true;
      const cookie = cookieOf(headers.cookie);
      return cookie !== undefined && isSame(cookie, secret);
    },
    logIn: (url) => {
      // No URL: that throws for much that anybody can ask for, and makes a host of what only looked like a path.
      const [path = '', ...rest] = url.split('?');
      const searchParams = new URLSearchParams(rest.join('?'));
      const given = searchParams.get('token');
      if (given === null || !isSame(given, token)) return undefined;
      searchParams.delete('token');
      const query = searchParams.toString();
      const pathname = `/${path.replace(/^[/\\\s]+/, '')}`;
      return {
        cookie: `${COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Lax`,
        location: query === '' ? pathname : `${pathname}?${query}`,
      };
    },
  };
}

/**
 * Whether a server that listens on this address may answer a request with this `Host`. A website can have a name of its
 * own point here and read along, so a name that can be anybody's is answered to only where there is a token, which that
 * website does not know: without one, addresses and names without a dot are all; and where only this machine reaches the
 * server, this machine's names.
 */
export function isExpectedHost(listenHost: string, hasToken: boolean, host: string | undefined): boolean {
  const name = (host ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  if (isLoopback(name) || name.endsWith('.localhost')) return true;
  if (isLoopback(listenHost)) return false;
  return hasToken || isIP(name) !== 0 || /^[a-z0-9_-]+$/.test(name);
}

/** Whether an address or name is that of this machine, for itself. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

function cookieOf(header: string | undefined): string | undefined {
  return header
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1);
}

function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(sha256(given), sha256(expected));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
