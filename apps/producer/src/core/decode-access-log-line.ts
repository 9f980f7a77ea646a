import type { ClickEvent } from '@clickstream/schema';

/** What a line of an access log says, or in one line for people why it says nothing. */
export type DecodedLogLine =
  | { readonly status: 'decoded'; readonly value: Omit<ClickEvent, 'eventId'> }
  | { readonly status: 'malformed'; readonly detail: string };

// https://httpd.apache.org/docs/2.4/logs.html#accesslog: address, identity, user, time. A user's name may have
// spaces; its bound keeps a hostile line from being searched again and again.
const HEAD =
  /^(\S+) \S+ .{1,256}? \[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})\] /;
// Request, status and size; that is all in the common format. The combined one adds referrer and user agent, after
// which many servers append fields of their own. Some loggers cut the user agent, and with it the closing quote.
const TAIL =
  /^"((?:[^"\\]|\\.)*)" \d{3} (?:\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)(?:"(?: .*)?)?)?$/;
const REQUEST = /^[A-Za-z]+ (.+?)(?: HTTP\/\d(?:\.\d)?)?$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * Decodes a line of an access log in the NCSA common or combined format. The user is the client address, the url
 * the request target as logged, with its query; referrer and user agent are kept as logged, `-` means none.
 *
 * Lengths and characters of the fields are not looked at here: encoding the click does.
 */
export function decodeAccessLogLine(line: Uint8Array): DecodedLogLine {
  const text = decodeUtf8(line);
  if (text === undefined) return malformed('not valid UTF-8');
  if (text.trim() === '') return malformed('empty');
  const head = HEAD.exec(text);
  if (!head) {
    return malformed('does not begin with: address identity user [day/Month/year:hour:minute:second zone]');
  }
  const timestamp = timestampOf(head);
  if (timestamp === undefined) return malformed('there is no such date or time');
  const tail = TAIL.exec(text.slice(head[0].length));
  if (!tail) {
    return malformed('after the time, expected: "request" status size, or these and "referrer" "user agent"');
  }
  const url = REQUEST.exec(tail[1] ?? '')?.[1];
  if (url === undefined) return malformed('the request names no method and path');
  const [, , referrer, userAgent] = tail;
  return {
    status: 'decoded',
    value: {
      userId: head[1] ?? '',
      url,
      timestamp,
      ...(isGiven(referrer) && { referrer }),
      ...(isGiven(userAgent) && { userAgent }),
    },
  };
}

function malformed(detail: string): DecodedLogLine {
  return { status: 'malformed', detail };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Milliseconds since the epoch; undefined for a 30th of February and the like, which `Date.UTC` would roll over. */
function timestampOf(head: RegExpExecArray): number | undefined {
  const part = (index: number) => Number(head[index]);
  const [day, year, hour, minute, second] = [part(2), part(4), part(5), part(6), part(7)];
  const month = MONTHS.indexOf(head[3] ?? '');
  const [zoneHours, zoneMinutes] = [part(9), part(10)];
  // 60 is a leap second, as strftime writes it.
  if (month === -1 || hour > 23 || minute > 59 || second > 60 || zoneMinutes > 59) return undefined;
  const date = new Date(Date.UTC(year, month, day));
  if (date.getUTCDate() !== day || date.getUTCFullYear() !== year) return undefined;
  const offsetMinutes = (head[8] === '-' ? -1 : 1) * (zoneHours * 60 + zoneMinutes);
  return date.getTime() + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000;
}

function isGiven(field: string | undefined): field is string {
  return field !== undefined && field !== '' && field !== '-';
}
