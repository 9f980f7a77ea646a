import { runTool } from '@clickstream/local-kafka';
import { describe, expect, inject, it } from 'vitest';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { patched } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');

describe('records written by the patched kafkajs', () => {
  it('are what the Java consumer reads, compressed or not', async () => {
    const topic = await createTestTopic(brokers, 'round-trip', {
      config: { 'message.timestamp.after.max.ms': String(2n ** 63n - 1n) },
    });
    const producer = quietClient(patched, brokers).producer({ idempotent: true });
    await producer.connect();
    const { CompressionTypes } = patched.kafkajs;
    const messages = [
      { key: 'key', value: 'Zürich ✓ 🙂', timestamp: '1711111111123' },
      { key: null, value: 'x'.repeat(70_000), timestamp: '1711111111124' },
      // Long before the first of the batch, and far more than 2^31 ms after it.
      { key: 'old', value: null, timestamp: '1011111111123' },
      { key: 'far', value: 'v', headers: { one: 'a', two: ['b', 'c'] }, timestamp: '9999999999999' },
    ];
    for (const compression of [CompressionTypes.None, CompressionTypes.GZIP])
      await producer.send({ topic, messages, compression });
    await producer.disconnect();

    const { stdout } = await runTool(
      'kafka-console-consumer',
      [
        ...['--topic', topic, '--from-beginning', '--max-messages', '8', '--timeout-ms', '60000'],
        ...['timestamp', 'offset', 'headers', 'key', 'value'].flatMap((part) => [
          '--formatter-property',
          `print.${part}=true`,
        ]),
      ],
      { brokers },
    );
    expect(stdout.split('\n')).toEqual(
      [0, 4].flatMap((offset) => [
        `CreateTime:1711111111123\tOffset:${offset}\tNO_HEADERS\tkey\tZürich ✓ 🙂`,
        `CreateTime:1711111111124\tOffset:${offset + 1}\tNO_HEADERS\tnull\t${'x'.repeat(70_000)}`,
        `CreateTime:1011111111123\tOffset:${offset + 2}\tNO_HEADERS\told\tnull`,
        `CreateTime:9999999999999\tOffset:${offset + 3}\tone:a,two:b,two:c\tfar\tv`,
      ]),
    );
  });
});
