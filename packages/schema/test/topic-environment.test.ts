import { expect, it } from 'vitest';
import { z } from 'zod';
import { DEFAULT_TOPIC_NAMES, topicEnvironment } from '@clickstream/schema';

const schema = z.object(topicEnvironment);

it('has the default names where the environment says nothing', () => {
  expect(schema.parse({})).toEqual({
    ...DEFAULT_TOPIC_NAMES,
    TOPIC_PARTITIONS: 4,
    APPLICATION_ID: 'click_aggregator',
  });
});

it.each(['a', 'my.clicks-2_x', '...', 'x'.repeat(249)])('takes the topic name %s', (name) => {
  expect(schema.parse({ CLICKSTREAM_TOPIC: name }).CLICKSTREAM_TOPIC).toBe(name);
});

it.each(['', '.', '..', 'a b', 'a/b', 'ä', 'a\n', 'x'.repeat(250)])('refuses the topic name %j', (name) => {
  expect(schema.safeParse({ CLICKSTREAM_TOPIC: name }).error?.issues).toMatchObject([
    { path: ['CLICKSTREAM_TOPIC'] },
  ]);
});

it.each(['0', '-1', '1.5', '10001', 'four', ''])('refuses %j partitions', (partitions) => {
  expect(schema.safeParse({ TOPIC_PARTITIONS: partitions }).error?.issues).toMatchObject([
    { path: ['TOPIC_PARTITIONS'], message: 'must be a whole number from 1 to 10000' },
  ]);
});

it.each(['', 'a b', 'a/b', 'x'.repeat(201)])('refuses the application id %j', (id) => {
  expect(schema.safeParse({ APPLICATION_ID: id }).error?.issues).toMatchObject([
    {
      path: ['APPLICATION_ID'],
      message: 'must be 1 to 200 letters, digits, dots, dashes or underscores',
    },
  ]);
});
