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
  /** Where the apps connect to. */
  readonly ports: readonly number[];
  /** What the command lines of its brokers, and of the tools that were told to talk to them, contain; nothing of a shared one. */
  readonly traces: readonly string[];
  /** @throws Error when somebody is still connected; those who share a broker are looked for when all are done with it */
  readonly assertNobodyConnected: () => Promise<void>;
  /** Can be repeated. */
  readonly stop: () => Promise<void>;
}

/** Starts what a fault needs, or takes the broker that is shared. */
export async function startFaultKafka(
  needs: KafkaNeeds | undefined,
  sharedBroker: () => Promise<Broker>,
): Promise<FaultKafka> {
  const nothing = () => Promise.resolve();
  if (!needs) {
    const { brokers, port } = await sharedBroker();
    const shared = { direct: brokers, proxied: brokers, proxies: [], ports: [port], traces: [] };
    return { ...shared, assertNobodyConnected: nothing, stop: nothing };
  }
  const { nodes: count, ...rest } = needs;
  if (count === undefined) {
    const own = await startBroker(rest);
    const { brokers, port, dataDir, stop } = own;
    return {
      direct: brokers,
      proxied: brokers,
      own,
      proxies: [],
      ports: [port],
      traces: [dataDir, brokers],
      assertNobodyConnected: () => assertNoConnection([port], [own.pid]),
      stop,
    };
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
    ports: proxies.map(({ port }) => port),
    traces: [brokers, ...nodes.map(({ dataDir }) => dataDir)],
    // The apps are connected to the proxies, and these for them to a listener of their own.
    assertNobodyConnected: () =>
      assertNoConnection(
        nodes.flatMap(({ port, proxy }) => [port, proxy.port, Number(proxy.target.split(':')[1])]),
        nodes.map(({ pid }) => pid),
      ),
    stop,
  };
}
