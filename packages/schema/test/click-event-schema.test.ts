import { describe, expect, it } from 'vitest';
import { clickEventSchema, jsonClickEventSchema } from '@clickstream/schema';

const CLICK = { userId: '42', url: '/page3', timestamp: 1711111111123 };

describe('clickEventSchema', () => {
  it('hands back the object itself, with what it does not know', () => {
    const event = JSON.parse(
      '{"userId":"1","url":"/","timestamp":1,"later":1,"__proto__":{"a":1}}',
    ) as unknown;
    expect(clickEventSchema.parse(event)).toBe(event);
  });

  it('takes a click without event id, which JSON on the wire must have', () => {
    expect(clickEventSchema.safeParse(CLICK).success).toBe(true);
    expect(jsonClickEventSchema.safeParse(CLICK).error?.issues).toMatchObject([{ path: ['eventId'] }]);
    expect(jsonClickEventSchema.safeParse({ ...CLICK, eventId: 'a-1' }).success).toBe(true);
  });

  it('names every field that is wrong', () => {
    const problems = clickEventSchema.safeParse({ userId: '', timestamp: 'now', attributes: { a: [] } });
    expect(problems.error?.issues.map(({ path }) => path[0])).toEqual([
      'userId',
      'url',
      'timestamp',
      'attributes',
    ]);
  });

  it.each([null, undefined, 1, 'User', []])('refuses %j', (value) => {
    expect(clickEventSchema.safeParse(value).success).toBe(false);
  });
});
