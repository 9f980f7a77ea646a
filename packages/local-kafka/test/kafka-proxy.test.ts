import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { onFrame } from '../src/kafka-frames.ts';
import { API_KEY, startKafkaProxy, type KafkaProxy } from '../src/kafka-proxy.ts';

const LATENCY_MS = 200;
/** So long nothing comes that would have come at once. */
const NOTHING_MS = 100;
const ERROR_MARGIN_MS = 5;

/** Answers each request with its correlation id. */
interface FakeBroker {
  readonly address: string;
  readonly requests: number[];
}

async function startFakeBroker(): Promise<FakeBroker> {
  const requests: number[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const answer = (request: Buffer) => {
      requests.push(request.readInt32BE(8));
      const response = Buffer.alloc(8);
      response.writeInt32BE(4);
      request.copy(response, 4, 8, 12);
      socket.write(response);
      return Promise.resolve();
    };
    onFrame(socket, answer, (error) => {
      throw error;
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** A client that has connected through a proxy. */
class Client {
  readonly answers: number[] = [];
  readonly closed: Promise<unknown>;
  readonly #socket: Socket;

  constructor({ port }: KafkaProxy) {
    const socket = connect(port, '127.0.0.1');
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    const take = (response: Buffer) => {
      this.answers.push(response.readInt32BE(4));
      return Promise.resolve();
    };
    onFrame(socket, take, (error) => {
      throw error;
    });
    onTestFinished(() => {
      socket.destroy();
    });
  }

  ask(
    correlationId: number,
    { apiKey = API_KEY.metadata, bytes = 14 }: { apiKey?: number; bytes?: number } = {},
  ): void {
    const request = Buffer.alloc(bytes);
    request.writeInt32BE(bytes - 4);
    request.writeInt16BE(apiKey, 4);
    request.writeInt32BE(correlationId, 8);
    this.#socket.write(request);
  }

  async hasAnswers(...answers: number[]): Promise<void> {
    await expect.poll(() => this.answers).toEqual(answers);
  }
}

async function startAll() {
  const broker = await startFakeBroker();
  const proxy = await startKafkaProxy(broker.address);
  onTestFinished(() => proxy.close().catch(() => undefined));
  return { broker, proxy, client: new Client(proxy) };
}

const NOTHING = { delayed: 0, dropped: 0, replied: 0, reset: 0 };

describe('a proxy in front of a broker', () => {
  test('passes on what comes, and has done nothing to it', async () => {
    const { proxy, client } = await startAll();
    client.ask(1);
    client.ask(2);
    await client.hasAnswers(1, 2);
    expect(proxy).toMatchObject({ accepted: 1, open: 1, tally: NOTHING });
  });

  test('is late each way, and no longer once it is mended', async () => {
    const { proxy, client } = await startAll();
    proxy.line = { latencyMs: LATENCY_MS };
    const from = performance.now();
    client.ask(1);
    await client.hasAnswers(1);
    expect(performance.now() - from).toBeGreaterThan(2 * LATENCY_MS - ERROR_MARGIN_MS);
    proxy.mend();
    client.ask(2);
    await client.hasAnswers(1, 2);
    expect(proxy.tally).toEqual({ ...NOTHING, delayed: 2 });
  });

  test('takes the longer the more it is given, when it is slow', async () => {
    const { proxy, client } = await startAll();
    proxy.line = { bytesPerSecond: 10_000 };
    const from = performance.now();
    client.ask(1, { bytes: 3_000 });
    await client.hasAnswers(1);
    expect(performance.now() - from).toBeGreaterThan(300 - ERROR_MARGIN_MS);
  });

  test('swallows requests only, as a black hole for requests', async () => {
    const { broker, proxy, client } = await startAll();
    proxy.line = { blackHole: 'request' };
    client.ask(1);
    await delay(NOTHING_MS);
    proxy.mend();
    client.ask(2);
    await client.hasAnswers(2);
    expect(broker.requests).toEqual([2]);
    expect(proxy.tally).toEqual({ ...NOTHING, dropped: 1 });
  });

  test('swallows responses only, as a black hole for responses', async () => {
    const { broker, proxy, client } = await startAll();
    proxy.line = { blackHole: 'response' };
    client.ask(1);
    await expect.poll(() => proxy.tally).toEqual({ ...NOTHING, dropped: 1 });
    proxy.mend();
    client.ask(2);
    await client.hasAnswers(2);
    expect(broker.requests).toEqual([1, 2]);
  });

  test('resets what is open and refuses what comes while it is cut', async () => {
    const { proxy, client } = await startAll();
    client.ask(1);
    await client.hasAnswers(1);
    proxy.cut();
    await client.closed;
    expect(proxy).toMatchObject({ open: 0, tally: { ...NOTHING, reset: 1 } });
    const refused = new Client(proxy);
    await refused.closed;
    expect(proxy.tally).toEqual({ ...NOTHING, reset: 2 });
    proxy.mend();
    const later = new Client(proxy);
    later.ask(2);
    await later.hasAnswers(2);
  });

  test('resets what is open only, when it is told to reset', async () => {
    const { proxy, client } = await startAll();
    client.ask(1);
    await client.hasAnswers(1);
    proxy.reset();
    await client.closed;
    const later = new Client(proxy);
    later.ask(2);
    await later.hasAnswers(2);
    expect(proxy.tally).toEqual({ ...NOTHING, reset: 1 });
  });

  test('does with a frame what a rule says', async () => {
    const { broker, proxy, client } = await startAll();
    const reply = Buffer.from([0, 0, 0, 4, 0, 0, 0, 9]);
    proxy.intercept('request', ({ apiKey }) => (apiKey === API_KEY.findCoordinator ? { reply } : undefined));
    proxy.intercept('request', ({ apiKey }) => (apiKey === API_KEY.heartbeat ? 'drop' : undefined));
    client.ask(1, { apiKey: API_KEY.heartbeat });
    client.ask(2, { apiKey: API_KEY.findCoordinator });
    client.ask(3);
    await client.hasAnswers(9, 3);
    expect(broker.requests).toEqual([3]);
    expect(proxy.tally).toEqual({ ...NOTHING, dropped: 1, replied: 1 });
  });

  test('holds a request back until it is told to deliver it', async () => {
    const { broker, proxy, client } = await startAll();
    const holding = proxy.hold(({ apiKey }) => apiKey === API_KEY.produce);
    client.ask(1, { apiKey: API_KEY.produce });
    const held = await holding;
    expect(broker.requests).toEqual([]);
    expect((await held.deliver()).readInt32BE(4)).toBe(1);
    await client.hasAnswers(1);
  });

  test('resets the connection when a rule throws, and says so when it is closed', async () => {
    const { proxy, client } = await startAll();
    proxy.intercept('request', () => {
      throw new Error('a mistake in the rule');
    });
    client.ask(1);
    await client.closed;
    expect(proxy.ruleError?.message).toBe('a mistake in the rule');
    await expect(proxy.close()).rejects.toThrow('a mistake in the rule');
  });
});
