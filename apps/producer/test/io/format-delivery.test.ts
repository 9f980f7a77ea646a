import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { KafkaClientError, type DeliveryReport } from '@clickstream/kafka-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { formatDelivery } from '../../src/io/format-delivery.ts';

const place = { topic: 'user_clickstream', partition: 2 };
const delivered: DeliveryReport = { status: 'delivered', ...place, offset: 17n, latencyMs: 1 };
const failed: DeliveryReport = {
  status: 'failed',
  ...place,
  error: new KafkaClientError('CLICKSTREAM_KAFKA_SEND_FAILED', 'not acknowledged: no answer'),
};
const FAILURE = 'Message delivery to user_clickstream [2] failed: not acknowledged: no answer';
// How many colours a terminal has is asked of Node's own terminal stream, which looks at the environment.
const terminal = () => Object.assign(Object.create(WriteStream.prototype) as WriteStream, { isTTY: true });

beforeEach(() => {
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'CI', 'TF_BUILD'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('TERM', 'xterm-256color');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test('says where a click went', () => {
  expect(formatDelivery(delivered, new PassThrough())).toBe('Message delivered to user_clickstream [2] @ 17');
  expect(formatDelivery(delivered, terminal())).toBe('Message delivered to user_clickstream [2] @ 17');
});

test('says why a click failed, in red on a terminal only', () => {
  expect(formatDelivery(failed, terminal())).toBe(`\u001b[31m${FAILURE}\u001b[39m`);
  expect(formatDelivery(failed, new PassThrough())).toBe(FAILURE);
});

test('obeys NO_COLOR', () => {
  vi.stubEnv('NO_COLOR', '1');
  expect(formatDelivery(failed, terminal())).toBe(FAILURE);
});
