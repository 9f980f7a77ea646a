import { describe, expect, it } from 'vitest';
import { encodeClickEvent, formatClickEvent, SchemaError } from '@clickstream/schema';

const CLICK = { eventId: 'a-1', userId: '42', url: '/page3', timestamp: 1711111111123 };

describe('encodeClickEvent', () => {
  it('writes JSON in the order of the fields', () => {
    expect(encodeClickEvent(CLICK, 'json')).toBe(
      '{"eventId":"a-1","userId":"42","url":"/page3","timestamp":1711111111123}',
    );
  });

  it.each([
    [1711111111123, '1711111111.123'],
    [1711111111000, '1711111111.000'],
    [290, '0.290'],
    [7, '0.007'],
    [0, '0.000'],
  ])('writes %d ms as %s seconds', (timestamp, seconds) => {
    expect(encodeClickEvent({ ...CLICK, timestamp }, 'sentence')).toBe(
      `User 42 clicked on /page3 at ${seconds}`,
    );
  });

  it.each([
    ['userId', { userId: 'a b' }],
    ['url', { url: '/a\u00a0b' }],
  ])('refuses a sentence with white space in %s', (field, fields) => {
    const encode = () => encodeClickEvent({ ...CLICK, ...fields }, 'sentence');
    expect(encode).toThrow(SchemaError);
    expect(encode).toThrow(
      expect.objectContaining({
        code: 'CLICKSTREAM_SCHEMA_NO_SENTENCE',
        message: expect.stringContaining(`${field} "`) as string,
      }),
    );
    expect(encodeClickEvent({ ...CLICK, ...fields }, 'json')).toContain(JSON.stringify(fields).slice(1, -1));
  });

  it.each([
    ['json', { eventId: undefined }, 'eventId is missing'],
    ['json', { timestamp: Number.NaN }, 'timestamp is not an integer'],
    ['sentence', { timestamp: -1 }, 'timestamp -1 is outside'],
    ['sentence', { userId: '' }, 'userId is empty'],
    ['sentence', { url: '/\n' }, 'url has a control character'],
  ] as const)('refuses as %s what no decoder takes back: %j', (format, fields, problem) => {
    expect(() => encodeClickEvent({ ...CLICK, ...fields }, format)).toThrow(
      expect.objectContaining({
        code: 'CLICKSTREAM_SCHEMA_INVALID_EVENT',
        message: expect.stringContaining(`encoding click event: ${problem}`) as string,
      }),
    );
  });
});

describe('formatClickEvent', () => {
  it('writes the sentence for people, white space or not', () => {
    expect(formatClickEvent({ ...CLICK, userId: 'a b' })).toBe(
      'User a b clicked on /page3 at 1711111111.123',
    );
  });

  it('escapes hostile text', () => {
    expect(formatClickEvent({ ...CLICK, userId: '\u202e1', url: '/\u001b[2J' })).toBe(
      'User \\u202e1 clicked on /\\x1b[2J at 1711111111.123',
    );
  });
});
