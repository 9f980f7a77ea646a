import { setTimeout as delay } from 'node:timers/promises';
import { homePartition } from '@clickstream/kafka-client';
import { encodeClickEvent } from '@clickstream/schema';
import type { RandomSource } from './random-source.ts';
import type { TestTopics } from './test-topics.ts';

/** Clicks with a known answer. */
export interface ClickLoad {
  /** Clicks that each user must have in the end: one more for every click that was acknowledged. */
  readonly answer: ReadonlyMap<string, number>;
  /** Records acknowledged that are no clicks. */
  readonly malformed: number;
  /** Records acknowledged. */
  readonly written: number;
  /** Writes this many records more, and resolves when all are acknowledged. */
  write(records: number): Promise<void>;
  /** Writes on and on, about this many a second, until the function that it returns has resolved. */
  keepWriting(perSecond: number): () => Promise<void>;
}

const TICK_MS = 20;
const START_MS = 1_700_000_000_000;

/**
 * Clicks of `users` users in both forms: half of them at home, a quarter without key and anywhere, a quarter with
 * key and placed wrongly on purpose; one of 50 records is no click.
 */
export function createClickLoad(topics: TestTopics, random: RandomSource, users = 40): ClickLoad {
  const answer = new Map<string, number>();
  let malformed = 0;
  let written = 0;
  let serial = 0;

  const writeOne = async () => {
    const { clicks: topic, partitions, producer } = topics;
    const number = serial++;
    if (random.below(50) === 0) {
      await producer.send({ topic, key: null, value: Buffer.from(`no click ${number}`) });
      malformed++;
    } else {
      const userId = `${topics.id}-${random.below(users)}`;
      const key = Buffer.from(userId);
      const event = {
        eventId: `e-${number}`,
        userId,
        url: `/page${random.below(9)}`,
        timestamp: START_MS + number,
      };
      const value = Buffer.from(encodeClickEvent(event, random.below(2) === 0 ? 'json' : 'sentence'));
      const placement = random.below(4);
      await producer.send(
        placement < 2
          ? { topic, key, value }
          : placement === 2
            ? { topic, key: null, value, partition: random.below(partitions) }
            : { topic, key, value, partition: (homePartition(key, partitions) + 1) % partitions },
      );
      answer.set(userId, (answer.get(userId) ?? 0) + 1);
    }
    written++;
  };
  const write = async (records: number) => {
    await Promise.all(Array.from({ length: records }, writeOne));
  };
  return {
    answer,
    get malformed() {
      return malformed;
    },
    get written() {
      return written;
    },
    write,
    keepWriting: (perSecond) => {
      const over = new AbortController();
      const done = (async () => {
        while (!over.signal.aborted) {
          await Promise.all([write(Math.ceil((perSecond * TICK_MS) / 1000)), delay(TICK_MS)]);
        }
      })();
      done.catch(() => undefined); // thrown to whoever stops it
      return async () => {
        over.abort();
        await done;
      };
    },
  };
}
