import { expect, it } from 'vitest';
import { formatClickOrigin, isClickOrigin } from '../src/click-origin.ts';

it('names topic, partition and offset', () => {
  const origin = formatClickOrigin({ topic: 'user_clickstream', partition: 2, offset: 2n ** 63n - 1n });
  expect(origin).toBe('user_clickstream/2/9223372036854775807');
  expect(isClickOrigin(Buffer.from(origin))).toBe(true);
});

it.each([
  ['no header', undefined],
  ['an empty one', ''],
  ['a topic alone', 'user_clickstream'],
  ['one that says more', 'user_clickstream/2/17/3'],
  ['a negative offset', 'user_clickstream/2/-1'],
  ['a line break behind it', 'user_clickstream/2/17\n'],
  ['another topic name', 'über/2/17'],
])('takes %s for none', (_, value) => {
  expect(isClickOrigin(value === undefined ? undefined : Buffer.from(value))).toBe(false);
});
