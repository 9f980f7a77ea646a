import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { sseEvent, SseClients, type SseClient } from '../../src/serve/sse-clients.ts';
import { readSse } from './sse-reader.ts';

test('clients that do not read are told to come again when they do, else closed, and nobody else is', async () => {
  // The test says when a client has been silent for too long.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const bufferLimitBytes = 256 * 1024;
  const clients = new SseClients({ maxClients: 100, bufferLimitBytes, heartbeatMs: 60_000 });
  const open = new Set<SseClient>();
  const server = createServer((request, response) => {
    const client = clients.open(request, response, () => {
      open.delete(client);
    });
    open.add(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    clients.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const deaf = Array.from({ length: 20 }, () => {
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => undefined).write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    onTestFinished(() => {
      socket.destroy();
    });
    return socket;
  });
  const reader = await readSse(`http://127.0.0.1:${port}/`);
  await expect.poll(() => clients.size).toBe(21);

  // What the system takes in for a client that does not read has to be filled first: some megabytes each.
  const filler = 'x'.repeat(100_000);
  let sent = 0;
  let mostBufferedBytes = 0;
  while (clients.resyncs < deaf.length) {
    const frame = Buffer.from(sseEvent('delta', JSON.stringify({ sent: (sent += 1), text: filler })));
    for (const client of open) client.send(frame);
    mostBufferedBytes = Math.max(mostBufferedBytes, clients.bufferedBytes);
    await reader.until(({ data }) => (data as { sent?: number }).sent === sent);
    await turn();
  }
  expect(clients.resyncs).toBe(20);
  // What waits, and the one event of each that is under way.
  expect(mostBufferedBytes).toBeLessThan(21 * (bufferLimitBytes + 2 * 110_000));
  expect(clients.bufferedBytes).toBeLessThan(21 * 2 * 110_000);
  expect(clients.size).toBe(21);

  // One reads after all: what it was sent whole, and that it is to come again as the last.
  const [first] = deaf;
  let text = '';
  first?.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  first?.resume();
  await expect.poll(() => text).toMatch(/event: resync\ndata: \{\}\n\n\r\n0\r\n\r\n$/);
  const numbers = [...text.matchAll(/event: delta\ndata: \{"sent":(\d+),"text":"x+"\}\n\n/g)].map(
    ([, sent]) => Number(sent),
  );
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(numbers.length).toBeLessThan(sent);
  await expect.poll(() => clients.size).toBe(20);

  vi.advanceTimersByTime(29_000);
  await turn();
  expect(clients.size).toBe(20);
  vi.advanceTimersByTime(1_000);
  await expect.poll(() => clients.size).toBe(1);
  expect(reader.events).toHaveLength(sent);
  expect(clients.bufferedBytes).toBe(0);
});
