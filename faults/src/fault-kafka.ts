import {
  startBroker,
  startCluster,
  type Broker,
  type Cluster,
  type KafkaProxy,
} from '@clickstream/local-kafka';
import type { KafkaNeeds } from './fault.ts';
import { assertNoConnection } from './left-over.ts';

/** The Kafka of one fault. */
export interface FaultKafka {
  /** Bootstrap list that leads past the proxies. */
  readonly direct: string;
  /** Bootstrap list of the apps. */
  readonly proxied: string;
  /** The first broker, unless it is shared with other faults. */
  readonly own?: Broker;
  readonly cluster?: Cluster;
  readonly proxies: readonly KafkaProxy[];
  /** @throws Error when somebody is still connected; those who share a broker are looked for when all are done with it */
  readonly assertNobodyConnected: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts what a fault needs, or takes the broker that is shared. */
export async function startFaultKafka(
  needs: KafkaNeeds | undefined,
  sharedBroker: () => Promise<Broker>,
): Promise<FaultKafka> {
  const nothing = () => Promise.resolve();
  if (!needs) {
    const { brokers } = await sharedBroker();
    const shared = { direct: brokers, proxied: brokers, proxies: [] };
    return { ...shared, assertNobodyConnected: nothing, stop: nothing };
  }
  const { nodes: count, ...rest } = needs;
  if (count === undefined) {
    const own = await startBroker(rest);
    const { brokers, stop } = own;
    const assertNobodyConnected = () => assertNoConnection([own.port], [own.pid]);
    return { direct: brokers, proxied: brokers, own, proxies: [], assertNobodyConnected, stop };
  }
  const cluster = await startCluster({ nodes: count, ...rest });
  const { brokers, proxied, nodes, stop } = cluster;
  const [own] = nodes;
  const proxies = nodes.map(({ proxy }) => proxy);
  return {
    direct: brokers,
    proxied,
    cluster,
    ...(own && { own }),
    proxies,
    // The apps are connected to the proxies, and these for them to a listener of their own.
    assertNobodyConnected: () =>
      assertNoConnection(
        nodes.flatMap(({ port, proxy }) => [port, proxy.port, Number(proxy.target.split(':')[1])]),
        nodes.map(({ pid }) => pid),
      ),
    stop,
  };
}
