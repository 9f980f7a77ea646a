import { LOOPBACK } from './broker-config.ts';
import { randomKafkaUuid } from './data-dir.ts';
import { findFreePort } from './find-free-port.ts';
import { startKafkaProxy, type KafkaProxy } from './kafka-proxy.ts';
import { startBroker, type Broker } from './start-broker.ts';

/** A broker with a proxy in front of it: whoever connects through the proxy is led through it for good. */
export interface ProxiedBroker extends Broker {
  /** Its node id. */
  readonly id: number;
  readonly proxy: KafkaProxy;
}

/** Brokers that replicate each other's topics, each of them a controller as well. */
export interface Cluster {
  /** Bootstrap list that leads past the proxies. */
  readonly brokers: string;
  /** Bootstrap list that leads through them. */
  readonly proxied: string;
  readonly nodes: readonly ProxiedBroker[];
  readonly stop: () => Promise<void>;
}

/** How to start a cluster. */
export interface StartClusterOptions {
  /** Default 3. With one it is a single broker behind a proxy. */
  readonly nodes?: number;
  /** Extra lines of each `server.properties`. */
  readonly config?: Readonly<Record<string, string>>;
}

/**
 * Starts brokers that each stand behind a proxy as well: they advertise its port on a listener of their own, so that
 * ordinary processes can be led through it. With three nodes, topics have three replicas of which two must be in sync.
 *
 * @throws LocalKafkaError when a broker does not start.
 */
export async function startCluster({ nodes = 3, config }: StartClusterOptions = {}): Promise<Cluster> {
  const clusterId = randomKafkaUuid();
  const proxies: KafkaProxy[] = [];
  const plans: { id: number; port: number; controllerPort: number; listeners: Record<string, string> }[] = [];
  for (let id = 1; id <= nodes; id++) {
    const [port, proxiedPort, controllerPort] = [
      await findFreePort(),
      await findFreePort(),
      await findFreePort(),
    ];
    const proxy = await startKafkaProxy(`${LOOPBACK}:${proxiedPort}`);
    proxies.push(proxy);
    plans.push({
      id,
      port,
      controllerPort,
      listeners: {
        listeners: `PLAINTEXT://${LOOPBACK}:${port},PROXIED://${LOOPBACK}:${proxiedPort},CONTROLLER://${LOOPBACK}:${controllerPort}`,
        'advertised.listeners': `PLAINTEXT://${LOOPBACK}:${port},PROXIED://${LOOPBACK}:${proxy.port}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'inter.broker.listener.name': 'PLAINTEXT',
      },
    });
  }
  const voters = plans.map(({ id, controllerPort }) => `${id}@${LOOPBACK}:${controllerPort}`).join(',');
  const replication = String(nodes);
  const inSync = String(Math.max(1, nodes - 1));
  // Together, because the topics of the coordinators wait for all replicas.
  const outcomes = await Promise.allSettled(
    plans.map(({ id, port, listeners }) =>
      startBroker({
        port,
        node: { id, clusterId },
        config: {
          ...listeners,
          'node.id': String(id),
          'controller.quorum.voters': voters,
          'default.replication.factor': replication,
          'min.insync.replicas': inSync,
          'offsets.topic.replication.factor': replication,
          'transaction.state.log.replication.factor': replication,
          'transaction.state.log.min.isr': inSync,
          ...config,
        },
      }),
    ),
  );
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const stop = async () => {
    await Promise.all(started.map((broker) => broker.stop()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
  };
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return {
    brokers: started.map(({ brokers }) => brokers).join(','),
    proxied: proxies.map(({ port }) => `${LOOPBACK}:${port}`).join(','),
    nodes: started.map((broker, index) => withProxy(broker, index + 1, proxies[index])),
    stop,
  };
}

/** The broker itself, whose process id and exit change when it is started again, with its proxy. */
function withProxy(broker: Broker, id: number, proxy: KafkaProxy | undefined): ProxiedBroker {
  if (!proxy) throw new Error(`node ${id} has no proxy`);
  return Object.defineProperties(broker, {
    id: { value: id, enumerable: true },
    proxy: { value: proxy, enumerable: true },
  }) as ProxiedBroker;
}
