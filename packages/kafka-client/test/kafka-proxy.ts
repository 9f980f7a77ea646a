import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { ISocketFactory } from '#kafkajs';

/** The requests of the Kafka protocol that tests pick out, by their api key. */
export const API_KEY = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  findCoordinator: 10,
  heartbeat: 12,
  initProducerId: 22,
  addPartitionsToTxn: 24,
  addOffsetsToTxn: 25,
  endTxn: 26,
  txnOffsetCommit: 28,
} as const;

/** One request or response as it passes through. */
export interface ProxyFrame {
  /** Of the request, also when this is its response. */
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  /** Counts the client's connections from 1. */
  readonly connection: number;
  /** The whole frame, its 4 bytes of length included. */
  readonly bytes: Buffer;
}

/**
 * What becomes of a frame: `forward` (also when nothing is returned), `drop` it, `reset` the connection on both
 * sides, or forward other bytes instead, after which the connection may be reset.
 */
export type ProxyAction =
  'forward' | 'drop' | 'reset' | { readonly bytes: Buffer; readonly thenReset?: boolean };

/** A rule that answers with a promise holds the frame back, and those behind it on the same way. */
export type ProxyRule = (frame: ProxyFrame) => ProxyAction | undefined | Promise<ProxyAction | undefined>;

export interface ProxyRules {
  readonly onRequest?: ProxyRule;
  readonly onResponse?: ProxyRule;
}

/** A TCP proxy in front of one broker that understands where Kafka's frames begin and end. */
export interface KafkaProxy {
  /**
   * Leads every connection of a kafkajs client through the proxy, whatever address the broker advertises.
   * Not for TLS.
   */
  readonly socketFactory: ISocketFactory;
  /** Where the proxy listens: a broker may advertise it, for clients whose sockets cannot be led. */
  readonly port: number;
  /** Client connections accepted so far. */
  readonly accepted: number;
  /** Client connections open now. */
  readonly open: number;
  /** Resets every connection that is open now. */
  reset(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of the loopback interface. The first of `brokers` (`host:port,…`) is the one behind it. */
export async function startKafkaProxy(brokers: string, rules: ProxyRules): Promise<KafkaProxy> {
  const [host, brokerPort] = (brokers.split(',')[0] ?? '').split(':');
  const links = new Set<{ destroy: () => void }>();
  let accepted = 0;

  const server = createServer((client) => {
    const connection = ++accepted;
    const broker = connect(Number(brokerPort), host);
    const requests = new Map<number, ProxyFrame>();
    const link = {
      destroy: () => {
        links.delete(link);
        client.resetAndDestroy();
        broker.destroy();
      },
    };
    links.add(link);

    const pass = async (frame: ProxyFrame, rule: ProxyRule | undefined, target: Socket) => {
      const action = (await rule?.(frame)) ?? 'forward';
      if (action === 'drop') return;
      if (action === 'reset') link.destroy();
      else if (action === 'forward') target.write(frame.bytes);
      else {
        target.write(action.bytes, () => {
          if (action.thenReset) link.destroy();
        });
      }
    };
    onFrame(client, (bytes) => {
      const frame = {
        apiKey: bytes.readInt16BE(4),
        apiVersion: bytes.readInt16BE(6),
        correlationId: bytes.readInt32BE(8),
        connection,
        bytes,
      };
      requests.set(frame.correlationId, frame);
      return pass(frame, rules.onRequest, broker);
    });
    onFrame(broker, (bytes) => {
      const request = requests.get(bytes.readInt32BE(4));
      if (!request) return Promise.resolve();
      requests.delete(request.correlationId);
      const frame = { ...request, bytes };
      return pass(frame, rules.onResponse, client);
    });
    for (const socket of [client, broker]) {
      socket.on('error', () => undefined);
      socket.on('close', link.destroy);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    port,
    socketFactory: ({ onConnect }) => connect({ port, host: '127.0.0.1', noDelay: true }, onConnect),
    get accepted() {
      return accepted;
    },
    get open() {
      return links.size;
    },
    reset: () => {
      for (const link of links) link.destroy();
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const link of links) link.destroy();
      await closed;
    },
  };
}

/** Calls `handle` with one frame after the other, each when it is done with the one before. */
function onFrame(socket: Socket, handle: (frame: Buffer) => Promise<void>): void {
  let buffered = Buffer.alloc(0);
  let handled = Promise.resolve();
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
      const end = 4 + buffered.readInt32BE(0);
      const frame = buffered.subarray(0, end);
      handled = handled.then(() => handle(frame));
      buffered = buffered.subarray(end);
    }
  });
}
