import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { onFrame } from './kafka-frames.ts';

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
  /** What the client calls itself. */
  readonly clientId: string;
  /** Counts the client's connections from 1. */
  readonly connection: number;
  /** The whole frame, its 4 bytes of length included. */
  readonly bytes: Buffer;
}

/**
 * What becomes of a frame: `forward` (also when nothing is returned), `drop` it, `reset` the connection on both
 * sides, or forward other bytes instead, after which the connection may be reset. A request may be answered with
 * `reply` instead.
 */
export type ProxyAction =
  | 'forward'
  | 'drop'
  | 'reset'
  | { readonly bytes: Buffer; readonly thenReset?: boolean }
  | { readonly reply: Buffer };

/** A rule that answers with a promise holds the frame back, and those behind it on the same way. */
export type ProxyRule = (frame: ProxyFrame) => ProxyAction | undefined | Promise<ProxyAction | undefined>;

/** Which way a frame goes. */
export type ProxyWay = 'request' | 'response';

export interface ProxyRules {
  readonly onRequest?: ProxyRule;
  readonly onResponse?: ProxyRule;
}

/** What the line through the proxy is like. */
export interface ProxyLine {
  /** What each frame takes each way. */
  readonly latencyMs?: number;
  /** Each way of each connection. */
  readonly bytesPerSecond?: number;
  /** What goes this way is lost, and nobody is told. */
  readonly blackHole?: ProxyWay | 'both';
}

/** What the proxy has done so far, so that a test can tell that a disturbance has disturbed something. */
export interface ProxyTally {
  /** Frames that {@link ProxyLine} made late. */
  readonly delayed: number;
  /** Frames that a rule or a black hole swallowed. */
  readonly dropped: number;
  /** Requests that a rule answered. */
  readonly replied: number;
  /** Connections reset by a rule or a call, or refused while the line was cut. */
  readonly reset: number;
}

/** A request that was taken from its client before it got to the broker. */
export interface HeldRequest {
  readonly frame: ProxyFrame;
  /**
   * Brings it to the broker after all, on a connection of its own, as a network does that was slow. Its client gets
   * the response if it is still there.
   *
   * @returns the response.
   */
  deliver(): Promise<Buffer>;
}

/** A TCP proxy in front of one broker that understands where Kafka's frames begin and end. Not for TLS. */
export interface KafkaProxy {
  /** Leads every connection of a kafkajs client through the proxy, whatever address the broker advertises. */
  readonly socketFactory: (where: { readonly onConnect: () => void }) => Socket;
  /** Where the proxy listens: a broker may advertise it, for clients whose sockets cannot be led. */
  readonly port: number;
  /** `host:port` of the broker that connections from now on lead to. */
  target: string;
  /** From the next frame on. */
  line: ProxyLine;
  /** Client connections accepted so far. */
  readonly accepted: number;
  /** Client connections open now. */
  readonly open: number;
  /** As it is now; it does not change afterwards. */
  readonly tally: ProxyTally;
  /** What a rule has thrown first. The connection was reset for it. */
  readonly ruleError: Error | undefined;
  /** Puts a rule before those that there are; the first that returns something decides. @returns what takes it away */
  intercept(way: ProxyWay, rule: ProxyRule): () => void;
  /** Takes the next request for which `picks` is true, and holds back what comes behind it on its connection. */
  hold(picks: (frame: ProxyFrame) => boolean): Promise<HeldRequest>;
  /** Resets every connection that is open now. */
  reset(): void;
  /** Resets every connection, and those that come, until {@link mend}. */
  cut(): void;
  /** The line is as good as new. */
  mend(): void;
  /** @throws Error that a rule has thrown: it would be missed otherwise */
  close(): Promise<void>;
}

/** Starts a proxy on a free port of the loopback interface. The first of `brokers` (`host:port,…`) is the one behind it. */
export async function startKafkaProxy(brokers: string, rules: ProxyRules = {}): Promise<KafkaProxy> {
  const links = new Set<{ destroy: () => void }>();
  const tally = { delayed: 0, dropped: 0, replied: 0, reset: 0 };
  let ruleError: Error | undefined;
  const requestRules: ProxyRule[] = rules.onRequest ? [rules.onRequest] : [];
  const responseRules: ProxyRule[] = rules.onResponse ? [rules.onResponse] : [];
  let target = brokers.split(',')[0] ?? '';
  let line: ProxyLine = {};
  let isCut = false;
  let accepted = 0;

  const connectToBroker = () => {
    const [host, port] = target.split(':');
    return connect(Number(port), host);
  };

  const server = createServer((client) => {
    if (isCut) {
      tally.reset++;
      client.resetAndDestroy();
      return;
    }
    const connection = ++accepted;
    const broker = connectToBroker();
    const requests = new Map<number, ProxyFrame>();
    const link = {
      destroy: () => {
        links.delete(link);
        client.resetAndDestroy();
        broker.destroy();
      },
    };
    links.add(link);
    const resetLink = () => {
      if (links.has(link)) tally.reset++;
      link.destroy();
    };
    const failed = (error: unknown) => {
      ruleError ??= error instanceof Error ? error : new Error(String(error));
      link.destroy();
    };

    const pass = async (frame: ProxyFrame, way: ProxyWay, arrivedAt: number) => {
      const action = await decide(way === 'request' ? requestRules : responseRules, frame);
      if (action === 'reset') {
        resetLink();
        return;
      }
      if (action === 'drop') {
        tally.dropped++;
        return;
      }
      const { latencyMs = 0, bytesPerSecond = Infinity } = line;
      const lateMs = Math.max(
        arrivedAt + latencyMs - performance.now(),
        (frame.bytes.length / bytesPerSecond) * 1000,
      );
      if (lateMs > 0) {
        tally.delayed++;
        await delay(lateMs);
      }
      if (line.blackHole === way || line.blackHole === 'both') {
        tally.dropped++;
        return;
      }
      const receiver = way === 'request' ? broker : client;
      if (action === 'forward') receiver.write(frame.bytes);
      else if ('reply' in action) {
        tally.replied++;
        client.write(action.reply);
      } else {
        receiver.write(action.bytes, () => {
          if (action.thenReset) resetLink();
        });
      }
    };
    const onRequest = (bytes: Buffer, arrivedAt: number) => {
      const clientIdLength = Math.max(0, bytes.readInt16BE(12));
      const frame = {
        apiKey: bytes.readInt16BE(4),
        apiVersion: bytes.readInt16BE(6),
        correlationId: bytes.readInt32BE(8),
        clientId: bytes.toString('utf8', 14, 14 + clientIdLength),
        connection,
        bytes,
      };
      requests.set(frame.correlationId, frame);
      return pass(frame, 'request', arrivedAt);
    };
    const onResponse = (bytes: Buffer, arrivedAt: number) => {
      const request = requests.get(bytes.readInt32BE(4));
      if (!request) return Promise.resolve();
      requests.delete(request.correlationId);
      return pass({ ...request, bytes }, 'response', arrivedAt);
    };
    onFrame(client, onRequest, failed);
    onFrame(broker, onResponse, failed);
    for (const socket of [client, broker]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', link.destroy);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const intercept: KafkaProxy['intercept'] = (way, rule) => {
    const list = way === 'request' ? requestRules : responseRules;
    list.unshift(rule);
    return () => {
      const index = list.indexOf(rule);
      if (index >= 0) list.splice(index, 1);
    };
  };
  const reset = () => {
    tally.reset += links.size;
    for (const link of links) link.destroy();
  };

  return {
    port,
    socketFactory: ({ onConnect }) => connect({ port, host: '127.0.0.1', noDelay: true }, onConnect),
    get target() {
      return target;
    },
    set target(address) {
      target = address;
    },
    get line() {
      return line;
    },
    set line(now) {
      line = now;
    },
    get accepted() {
      return accepted;
    },
    get open() {
      return links.size;
    },
    get tally() {
      return { ...tally };
    },
    get ruleError() {
      return ruleError;
    },
    intercept,
    hold: (picks) =>
      new Promise((resolve) => {
        const stop = intercept('request', (frame) => {
          if (!picks(frame)) return undefined;
          stop();
          return new Promise((decided) => {
            resolve({
              frame,
              deliver: async () => {
                const reply = await deliverAlone(connectToBroker(), frame.bytes);
                decided({ reply });
                return reply;
              },
            });
          });
        });
      }),
    reset,
    cut: () => {
      isCut = true;
      reset();
    },
    mend: () => {
      isCut = false;
      line = {};
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      reset();
      await closed;
      if (ruleError) throw ruleError;
    },
  };
}

async function decide(rules: readonly ProxyRule[], frame: ProxyFrame): Promise<ProxyAction> {
  for (const rule of rules) {
    const action = await rule(frame);
    if (action) return action;
  }
  return 'forward';
}

/** Sends a request over a connection that nothing else uses. @returns the response */
function deliverAlone(broker: Socket, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    broker.on('error', reject);
    broker.on('close', () => {
      reject(new Error('the broker closed the connection without a response'));
    });
    const onResponse = (response: Buffer) => {
      resolve(response);
      broker.destroy();
      return Promise.resolve();
    };
    onFrame(broker, onResponse, reject);
    broker.write(request);
  });
}
