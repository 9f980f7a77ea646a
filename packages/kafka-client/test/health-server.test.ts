import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { Counter, Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { startHealthServer, type HealthServerOptions } from '../src/health-server.ts';

const LISTEN_HOST = '127.0.0.1';

/** A server on a port that was free. */
async function listen(): Promise<Server> {
  const server = createServer().listen(0, LISTEN_HOST);
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function start(options: Partial<HealthServerOptions> = {}) {
  const placeholder = await listen();
  const HEALTH_PORT = portOf(placeholder);
  placeholder.close();
  await once(placeholder, 'close');
  const health = await startHealthServer(
    { LISTEN_HOST, HEALTH_PORT },
    { notReady: () => undefined, metrics: new Registry(), ...options },
  );
  onTestFinished(() => health.close());
  expect(health.port).toBe(HEALTH_PORT);
  return { health, url: (path: string) => `http://${LISTEN_HOST}:${HEALTH_PORT}${path}` };
}

it('says that the process lives, ready or not', async () => {
  const { url } = await start({ notReady: () => 'joining the group' });
  const response = await fetch(url('/healthz'));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'alive' });
});

it('says whether the app is ready now, or why not', async () => {
  let reason: string | undefined = 'joining the group';
  const { url } = await start({ notReady: () => reason });
  const before = await fetch(url('/readyz'));
  expect(before.status).toBe(503);
  expect(await before.json()).toEqual({ status: 'not ready', reason: 'joining the group' });
  reason = undefined;
  const after = await fetch(url('/readyz'));
  expect(after.status).toBe(200);
  expect(await after.json()).toEqual({ status: 'ready' });
});

it('shows the metrics as Prometheus reads them', async () => {
  const metrics = new Registry();
  const clicks = new Counter({ name: 'clicks_total', help: 'Clicks', registers: [metrics] });
  const { url } = await start({ metrics });
  clicks.inc(17);
  const response = await fetch(url('/metrics'));
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe(metrics.contentType);
  expect(await response.text()).toMatch(/^# TYPE clicks_total counter\nclicks_total 17$/m);
});

it('names the port that is taken, and what to do', async () => {
  const other = await listen();
  onTestFinished(() => {
    other.close();
  });
  const HEALTH_PORT = portOf(other);
  const starting = startHealthServer(
    { LISTEN_HOST, HEALTH_PORT },
    { notReady: () => undefined, metrics: new Registry() },
  );
  await expect(starting).rejects.toMatchObject({
    code: 'CLICKSTREAM_KAFKA_CONFIGURATION',
    message: expect.stringMatching(
      new RegExp(
        `^cannot serve health on 127\\.0\\.0\\.1:${HEALTH_PORT} \\(.*EADDRINUSE.*set HEALTH_PORT to`,
      ),
    ) as string,
  });
});

it('is turned off by port 0', async () => {
  const options = { notReady: () => expect.unreachable('nobody asks'), metrics: new Registry() };
  // An address that cannot be listened on.
  const health = await startHealthServer({ LISTEN_HOST: '192.0.2.1', HEALTH_PORT: 0 }, options);
  expect(health.port).toBe(0);
  await health.close();
});

it('closes at once although a scraper keeps its connection alive', async () => {
  const { health, url } = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => {
    agent.destroy();
  });
  const [response] = (await once(get(url('/healthz'), { agent }), 'response')) as [IncomingMessage];
  const { socket } = response;
  await text(response);
  expect(socket.destroyed).toBe(false);
  const ended = once(socket, 'close');
  await health.close();
  await ended;
  await expect(fetch(url('/healthz'))).rejects.toThrow('fetch failed');
});
