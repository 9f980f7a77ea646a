import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { homePartition, murmur2 } from '../src/placement.ts';
import { patched } from './patch/unpatched-kafkajs.ts';

const kafkajsMurmur2 = patched.load('src/producer/partitioners/default/murmur2') as (key: Buffer) => number;
const kafkajsPartition = patched.kafkajs.Partitioners.DefaultPartitioner();

describe('murmur2', () => {
  // Apache Kafka, org.apache.kafka.common.utils.UtilsTest.testMurmur2
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %j is what the Java client says', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
  });

  it('is what kafkajs says of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(murmur2(bytes)).toBe(kafkajsMurmur2(Buffer.from(bytes)));
      }),
    );
  });

  it('is the same of a range as of the bytes in it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(), fc.nat(), (bytes, a, b) => {
        const [start = 0, end = 0] = [a % (bytes.length + 1), b % (bytes.length + 1)].sort((x, y) => x - y);
        expect(murmur2(bytes, start, end)).toBe(murmur2(bytes.slice(start, end)));
      }),
    );
  });
});

describe('the home of a key', () => {
  it('is the partition that kafkajs and the Java client choose', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 64 }),
        (bytes, count) => {
          const key = Buffer.from(bytes);
          const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
            partitionId,
            partitionErrorCode: 0,
            leader: 1,
            replicas: [1],
            isr: [1],
          }));
          const chosen = kafkajsPartition({ topic: 't', partitionMetadata, message: { key, value: null } });
          expect(homePartition(key, count)).toBe(chosen);
        },
      ),
    );
  });
});
