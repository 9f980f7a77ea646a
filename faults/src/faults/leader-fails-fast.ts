import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { API_KEY, type ProxiedBroker, type ProxyFrame } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';

const NODES = 3;
const WAYS = ['request', 'response'] as const;
const SLOW_MS = 1_000;
/** The requests of one send go out together. */
const TOGETHER_MS = 50;

export const leaderFailsFast: Fault = {
  name: 'leader-fails-fast',
  title: 'of the leaders that one send goes to, one resets the connection and another answers late',
  kafka: { nodes: NODES },
  rounds: 10,
  fewestRounds: WAYS.length,
  seconds: { round: 6, fixed: 30 },
  async run({ rounds, random, cluster, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      const failing = cluster.nodes[random.below(NODES)];
      assert(failing);
      const others = cluster.nodes.filter((node) => node !== failing);
      await failOne(failing, others, WAYS[round % WAYS.length] ?? 'request');
      await recover(aggregator);
    }
  },
};

/**
 * Makes the others answer late, and resets the connection of a send of which another one has its part at that moment. Resolves
 * when that part was answered.
 */
async function failOne(
  failing: ProxiedBroker,
  others: readonly ProxiedBroker[],
  way: (typeof WAYS)[number],
): Promise<void> {
  /** What the others have not answered yet, by the producer: it has one send at a time. */
  const unanswered = new Map<string, { readonly answered: Promise<unknown> }>();
  /** By connection and correlation id, since an answer does not say whose it is. */
  const producers = new Map<string, string>();
  const place = ({ connection, correlationId }: ProxyFrame) => `${connection}/${correlationId}`;
  const stops = others.flatMap(({ proxy }) => {
    const answers = new Map<string, () => void>();
    return [
      proxy.intercept('request', (frame) => {
        if (frame.apiKey !== API_KEY.produce) return undefined;
        const { promise: answered, resolve } = Promise.withResolvers<undefined>();
        const producer = producerOf(frame);
        const part = { answered };
        unanswered.set(producer, part);
        answers.set(place(frame), () => {
          if (unanswered.get(producer) === part) unanswered.delete(producer);
          resolve(undefined);
        });
        return undefined;
      }),
      proxy.intercept('response', async (frame) => {
        if (frame.apiKey !== API_KEY.produce) return undefined;
        await delay(SLOW_MS);
        answers.get(place(frame))?.();
        return undefined;
      }),
    ];
  });
  const { promise: failed, resolve: setFailed } = Promise.withResolvers<{ answered: Promise<unknown> }>();
  let hasFailed = false;
  const failIfShared = async (producer: string | undefined) => {
    await delay(TOGETHER_MS);
    const other = producer === undefined ? undefined : unanswered.get(producer);
    if (!other || hasFailed) return undefined;
    hasFailed = true;
    setFailed(other);
    return 'reset';
  };
  stops.push(
    failing.proxy.intercept('request', (frame) => {
      if (frame.apiKey !== API_KEY.produce) return undefined;
      producers.set(place(frame), producerOf(frame));
      return way === 'request' ? failIfShared(producerOf(frame)) : undefined;
    }),
    failing.proxy.intercept('response', (frame) =>
      way === 'response' && frame.apiKey === API_KEY.produce
        ? failIfShared(producers.get(place(frame)))
        : undefined,
    ),
  );
  const { answered } = await failed;
  await answered;
  for (const stop of stops) stop();
}

/** The transactional id of a Produce request, behind the client's name. */
function producerOf({ bytes, clientId }: ProxyFrame): string {
  const at = 14 + Buffer.byteLength(clientId);
  return bytes.toString('utf8', at + 2, at + 2 + Math.max(0, bytes.readInt16BE(at)));
}
