import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAccessLogLine } from '../../src/core/decode-access-log-line.ts';

const decode = (line: string) => decodeAccessLogLine(Buffer.from(line));
const click = (fields: object) => ({ status: 'decoded', value: fields });

const AT = '[17/May/2015:10:05:03 +0000]';
const AT_MS = Date.UTC(2015, 4, 17, 10, 5, 3);

describe('well-formed lines', () => {
  test.each([
    [
      'combined',
      `83.149.9.216 - - ${AT} "GET /a?b=c HTTP/1.1" 200 203023 "http://semicomplete.com/" "Mozilla/5.0 (X11)"`,
      {
        userId: '83.149.9.216',
        url: '/a?b=c',
        timestamp: AT_MS,
        referrer: 'http://semicomplete.com/',
        userAgent: 'Mozilla/5.0 (X11)',
      },
    ],
    [
      'common',
      `127.0.0.1 - frank ${AT} "GET /apache_pb.gif HTTP/1.0" 200 2326`,
      { userId: '127.0.0.1', url: '/apache_pb.gif', timestamp: AT_MS },
    ],
    [
      'no referrer, no user agent, no size',
      `::1 - - ${AT} "HEAD / HTTP/2.0" 304 - "-" "-"`,
      { userId: '::1', url: '/', timestamp: AT_MS },
    ],
    [
      'escaped quotes',
      `h - - ${AT} "GET /\\"x\\" HTTP/1.1" 200 1 "-" "a \\"b\\" \\\\"`,
      { userId: 'h', url: '/\\"x\\"', timestamp: AT_MS, userAgent: 'a \\"b\\" \\\\' },
    ],
    [
      'a user name and a path with spaces',
      `h - John Doe ${AT} "GET /a b HTTP/1.1" 200 1`,
      { userId: 'h', url: '/a b', timestamp: AT_MS },
    ],
    [
      'a request without protocol',
      `h - - ${AT} "GET /old" 200 1`,
      { userId: 'h', url: '/old', timestamp: AT_MS },
    ],
    [
      'fields of the server’s own after the user agent',
      `h - - ${AT} "GET / HTTP/1.1" 200 1 "-" "agent" "10.0.0.1" 0.003`,
      { userId: 'h', url: '/', timestamp: AT_MS, userAgent: 'agent' },
    ],
    [
      'a user agent that the logger cut',
      `h - - ${AT} "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0 (compatible; +http://www`,
      { userId: 'h', url: '/', timestamp: AT_MS, userAgent: 'Mozilla/5.0 (compatible; +http://www' },
    ],
    [
      'letters beyond ASCII',
      `h - - ${AT} "GET /käse HTTP/1.1" 200 1`,
      { userId: 'h', url: '/käse', timestamp: AT_MS },
    ],
  ])('%s', (_, line, expected) => {
    expect(decode(line)).toEqual(click(expected));
  });

  test.each([
    ['[17/May/2015:10:05:03 +0200]', Date.UTC(2015, 4, 17, 8, 5, 3)],
    ['[31/Dec/2014:23:30:00 -0330]', Date.UTC(2015, 0, 1, 3, 0, 0)],
    ['[29/Feb/2016:00:00:00 +0000]', Date.UTC(2016, 1, 29)],
    ['[30/Jun/2015:23:59:60 +0000]', Date.UTC(2015, 6, 1)],
  ])('reads the time %s with its zone', (time, timestamp) => {
    expect(decode(`h - - ${time} "GET / HTTP/1.1" 200 1`)).toEqual(
      click({ userId: 'h', url: '/', timestamp }),
    );
  });

  test('reads back any second in any zone', () => {
    const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
    const two = (number: number) => String(number).padStart(2, '0');
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4_102_444_800 }),
        fc.integer({ min: -14 * 60, max: 14 * 60 }),
        (seconds, offsetMinutes) => {
          const local = new Date((seconds + offsetMinutes * 60) * 1000);
          const zone = `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offsetMinutes) / 60))}${two(Math.abs(offsetMinutes) % 60)}`;
          const day = `${two(local.getUTCDate())}/${months[local.getUTCMonth()]}/${local.getUTCFullYear()}`;
          const time = local.toISOString().slice(11, 19);
          expect(decode(`h - - [${day}:${time} ${zone}] "GET / HTTP/1.1" 200 1`)).toEqual(
            click({ userId: 'h', url: '/', timestamp: seconds * 1000 }),
          );
        },
      ),
    );
  });
});

describe('malformed lines', () => {
  test.each([
    ['an empty line', '', 'empty'],
    ['another log', '2015-05-17 10:05:03 INFO started', 'does not begin with'],
    [
      'a day that does not exist',
      'h - - [30/Feb/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
      'no such date',
    ],
    [
      'an hour that does not exist',
      'h - - [17/May/2015:24:05:03 +0000] "GET / HTTP/1.1" 200 1',
      'no such date',
    ],
    [
      'a month in another language',
      'h - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
      'no such date',
    ],
    ['no status', `h - - ${AT} "GET / HTTP/1.1"`, 'after the time, expected'],
    ['a referrer without user agent', `h - - ${AT} "GET / HTTP/1.1" 200 1 "-"`, 'after the time, expected'],
    ['a connection that sent no request', `h - - ${AT} "-" 408 -`, 'names no method and path'],
    ['TLS to a plain port', `h - - ${AT} "\\x16\\x03\\x01" 400 226 "-" "-"`, 'names no method and path'],
  ])('%s', (_, line, detail) => {
    expect(decode(line)).toEqual({ status: 'malformed', detail: expect.stringContaining(detail) as string });
  });

  test('bytes that are no UTF-8', () => {
    const line = Buffer.concat([
      Buffer.from(`h - - ${AT} "GET /caf`),
      Buffer.from([0xe9]),
      Buffer.from(' HTTP/1.1" 200 1'),
    ]);
    expect(decodeAccessLogLine(line)).toEqual({ status: 'malformed', detail: 'not valid UTF-8' });
  });

  test('anything at all gets an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeAccessLogLine(bytes).status).toBe('malformed');
      }),
    );
  });

  test('a hostile line of 64 KB is answered at once', () => {
    const lines = [
      `h - ${AT.repeat(2_000)}`,
      `h - - ${`${AT} "`.repeat(2_000)}`,
      `h - - ${AT} "GET ${'/ HTTP/1.1'.repeat(6_000)}" 200 1 "-`,
      `h - - ${AT} "${'\\"'.repeat(30_000)}`,
    ];
    for (const line of lines) {
      const startedAt = performance.now();
      expect(decode(line).status).toBe('malformed');
      expect(performance.now() - startedAt).toBeLessThan(500);
    }
  });
});
