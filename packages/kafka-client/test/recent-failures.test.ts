import { describe, expect, test } from 'vitest';
import kafkajs from '#kafkajs';
import { KafkaClientError } from '../src/error.ts';
import { RecentFailures } from '../src/recent-failures.ts';

const SECOND = 1_000;

describe('failures within a minute', () => {
  test('waits longer each time, and says when it is one too many', () => {
    const failures = new RecentFailures();
    const waits = [0, 1, 2, 3, 4, 5].map((second) => failures.add(new Error('it fails'), second * SECOND));
    expect(waits).toEqual([400, 800, 1_600, 3_200, 3_200, undefined]);
  });

  test('forgets after a minute', () => {
    const failures = new RecentFailures();
    for (let count = 0; count < 100; count++)
      expect(failures.add(new Error('it fails'), count * 13 * SECOND)).toBeTypeOf('number');
    expect(failures.add(new Error('it fails'), 10_000 * SECOND)).toBe(400);
  });

  test.each([
    ['a connection that breaks', new kafkajs.KafkaJSConnectionError('read ECONNRESET')],
    [
      'a request without an answer, below other errors',
      new KafkaClientError('CLICKSTREAM_KAFKA_CONSUMER_CRASHED', 'the consumer crashed', {
        cause: new Error('given up', { cause: new kafkajs.KafkaJSRequestTimeoutError('timed out') }),
      }),
    ],
  ])('never has enough of %s', (_, error) => {
    const failures = new RecentFailures();
    for (let count = 0; count < 50; count++)
      expect(failures.add(error, count * SECOND)).toBeLessThanOrEqual(3_200);
    // Nor does it count for what else fails.
    for (let count = 0; count < 5; count++)
      expect(failures.add(new Error('it fails'), 50 * SECOND)).toBe(3_200);
    expect(failures.add(new Error('it fails'), 50 * SECOND)).toBeUndefined();
  });
});
