import { expect, it } from 'vitest';
import { createTopicSpecs, DEFAULT_TOPIC_NAMES } from '@clickstream/schema';

const clicks = { 'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime' };
const compacted = {
  'segment.bytes': '33554432',
  'segment.ms': '3600000',
  'message.timestamp.type': 'LogAppendTime',
};

const windowed = { 'cleanup.policy': 'compact,delete', 'retention.ms': '2592000000', ...compacted };

it('gives every public topic its settings', () => {
  expect(createTopicSpecs()).toEqual({
    CLICKSTREAM_TOPIC: { name: 'user_clickstream', cleanup: 'delete', config: clicks },
    USER_CLICK_AGGREGATION_TOPIC: {
      name: 'user_click_aggregation',
      cleanup: 'compact',
      config: { 'cleanup.policy': 'compact', ...compacted },
    },
    PAGE_CLICK_AGGREGATION_TOPIC: {
      name: 'page_click_aggregation',
      cleanup: 'compact,delete',
      config: windowed,
    },
    USER_SESSION_AGGREGATION_TOPIC: {
      name: 'user_session_aggregation',
      cleanup: 'compact,delete',
      config: windowed,
    },
    DEAD_LETTER_TOPIC: { name: 'user_clickstream_dead_letter', cleanup: 'delete', config: clicks },
  });
});

it('takes other names', () => {
  const names = { ...DEFAULT_TOPIC_NAMES, CLICKSTREAM_TOPIC: 'mine' };
  expect(createTopicSpecs(names).CLICKSTREAM_TOPIC.name).toBe('mine');
});
