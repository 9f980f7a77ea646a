import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decoded, ClickEvent } from '@clickstream/schema';
import { clickEventSchema, decodeClickEvent } from '@clickstream/schema';
import { words } from './click-event-arbitrary.ts';

const GRAMMAR = /^User (\S+) clicked on (\S+) at (\d+(?:\.\d+)?)$/;

function decode(text: string): Decoded<ClickEvent> {
  return decodeClickEvent(Buffer.from(text));
}

function decodeSeconds(seconds: string): Decoded<ClickEvent> {
  return decode(`User 42 clicked on /page3 at ${seconds}`);
}

/** The grammar word by word, with exact integer arithmetic. */
function reference(text: string): ClickEvent | undefined {
  const [, userId, url, seconds] = GRAMMAR.exec(text) ?? [];
  if (userId === undefined || url === undefined || seconds === undefined) return undefined;
  const [whole = '', fraction = ''] = seconds.split('.');
  const timestamp = Number(BigInt(whole + fraction.padEnd(3, '0').slice(0, 3)));
  const event = { userId, url, timestamp };
  return clickEventSchema.safeParse(event).success ? event : undefined;
}

describe('the time of a sentence', () => {
  it.each([
    ['1711111111.123', 1711111111123],
    ['1711111111.1239', 1711111111123],
    ['1711111111.1', 1711111111100],
    ['1711111111.12', 1711111111120],
    ['1711111111', 1711111111000],
    ['1711111111.0009999', 1711111111000],
    ['0.29', 290],
    ['0.999999999999999999999999', 999],
    ['1.005', 1005],
    ['4.35', 4350],
    ['0', 0],
    ['0.000', 0],
    ['000001.5', 1500],
    [`${'0'.repeat(500)}1.${'9'.repeat(500)}`, 1999],
    ['253402300799.9999', 253_402_300_799_999],
  ])('%s is %d ms', (seconds, timestamp) => {
    expect(decodeSeconds(seconds)).toEqual({
      status: 'decoded',
      value: { userId: '42', url: '/page3', timestamp },
    });
  });

  it.each(['253402300800', '99999999999999999999', '9'.repeat(400)])('%s is out of range', (seconds) => {
    expect(decodeSeconds(seconds)).toMatchObject({ status: 'malformed', reason: 'bad-field' });
  });

  it.each(['', '.5', '5.', '-1', '+1', '1e3', '1,5', '1.5.5', '0x10', '١', 'NaN', ' 1', '1 ', '1\n', '1\r'])(
    '%j is no time',
    (seconds) => {
      expect(decodeSeconds(seconds)).toMatchObject({ status: 'malformed', reason: 'bad-sentence' });
    },
  );

  it('has its milliseconds by floor, whatever the number of digits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 253_402_300_799 }),
        fc.string({
          unit: fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'),
          minLength: 1,
          maxLength: 30,
        }),
        (seconds, fraction) => {
          const expected = seconds * 1000 + Number(fraction.padEnd(3, '0').slice(0, 3));
          expect(decodeSeconds(`${seconds}.${fraction}`)).toMatchObject({ value: { timestamp: expected } });
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('the words of a sentence', () => {
  it.each([
    ['User clicked clicked on on at 1', 'clicked', 'on'],
    ['User User clicked on at at 1', 'User', 'at'],
    ['User __proto__ clicked on constructor at 1', '__proto__', 'constructor'],
    ['User Zoë clicked on /straße?q=日本 at 1', 'Zoë', '/straße?q=日本'],
    ['User 👩‍🚀 clicked on / at 1', '👩‍🚀', '/'],
    ['User \u202etxt clicked on / at 1', '\u202etxt', '/'],
    ['User \ufffd clicked on / at 1', '\ufffd', '/'],
  ])('%s', (text, userId, url) => {
    expect(decode(text)).toEqual({ status: 'decoded', value: { userId, url, timestamp: 1000 } });
  });

  it.each([
    'User',
    'User ',
    'User 42',
    'User 42 clicked on',
    'User  clicked on / at 1',
    'User 42 clicked on  at 1',
    'User 4 2 clicked on / at 1',
    'User 42 clicked on /a b at 1',
    'User 42  clicked on / at 1',
    'User 42\tclicked on / at 1',
    'User 4\u00a02 clicked on / at 1',
    'User 4\ufeff2 clicked on / at 1',
    'User 4\n2 clicked on / at 1',
    'User 42 clicked on / at 1 User 42 clicked on / at 1',
    'User 42 Clicked on / at 1',
    'User 42 has clicked 17 times.',
    'Users 42 clicked on / at 1',
  ])('%j is no sentence', (text) => {
    expect(decode(text)).toMatchObject({ status: 'malformed', reason: 'bad-sentence' });
  });

  it.each([
    ['a control character', 'User 4\u001b2 clicked on / at 1', 'userId has a control character'],
    ['a C1 control', 'User 42 clicked on /\u0085 at 1', 'url has a control character'],
    ['DEL', 'User 42 clicked on /\u007f at 1', 'url has a control character'],
    ['NUL', 'User \0 clicked on / at 1', 'userId has a control character'],
    [
      'a long id',
      `User ${'x'.repeat(257)} clicked on / at 1`,
      'userId has 257 characters, at most 256 are allowed',
    ],
    [
      'a long url',
      `User 42 clicked on ${'x'.repeat(8193)} at 1`,
      'url has 8193 characters, at most 8192 are allowed',
    ],
  ])('%s is refused by name', (_, text, detail) => {
    expect(decode(text)).toEqual({ status: 'malformed', reason: 'bad-field', detail });
  });

  it.each([
    ['of the greatest length', `User ${'x'.repeat(256)} clicked on ${'y'.repeat(8192)} at 1`],
    ['of the greatest length beyond ASCII', `User ${'ü'.repeat(256)} clicked on ${'é'.repeat(8192)} at 1`],
  ])('%s decode', (_, text) => {
    expect(decode(text)).toMatchObject({ status: 'decoded' });
  });

  it('are not made of invalid UTF-8', () => {
    for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      const bytes = Buffer.concat([
        Buffer.from('User 4'),
        Buffer.from(bad),
        Buffer.from(' clicked on / at 1'),
      ]);
      expect(decodeClickEvent(bytes)).toMatchObject({ status: 'malformed', reason: 'not-utf8' });
    }
  });

  it('do not keep the bytes that they came from', () => {
    const bytes = Buffer.from('User 42 clicked on /page3 at 1');
    const decoded = decodeClickEvent(bytes);
    bytes.fill(0);
    expect(decoded).toMatchObject({ value: { userId: '42', url: '/page3' } });
  });
});

it('decodes exactly what the grammar says', () => {
  const piece = fc.oneof(
    words,
    fc.constantFrom(
      'User',
      'clicked',
      'on',
      'at',
      ' ',
      '  ',
      '\t',
      '1.5',
      '.',
      '17',
      '\u00a0',
      '\u0001',
      '\u0085',
    ),
  );
  const sentences = fc.tuple(piece, piece, piece).map(([a, b, c]) => `User ${a} clicked on ${b} at ${c}`);
  const good = fc
    .tuple(words, words, fc.integer({ min: 0, max: 2 ** 31 }), fc.constantFrom('', '.1', '.12345'))
    .map(([userId, url, seconds, fraction]) => `User ${userId} clicked on ${url} at ${seconds}${fraction}`);
  const scrambled = fc.array(piece, { maxLength: 9 }).map((pieces) => `User ${pieces.join(' ')}`);
  const seen = { decoded: 0, malformed: 0 };
  fc.assert(
    fc.property(fc.oneof(sentences, good, scrambled), (text) => {
      const decoded = decode(text);
      expect(decoded.status === 'decoded' ? decoded.value : undefined).toEqual(reference(text));
      seen[decoded.status] += 1;
    }),
    { numRuns: 3000 },
  );
  expect(Math.min(seen.decoded, seen.malformed)).toBeGreaterThan(300);
});
