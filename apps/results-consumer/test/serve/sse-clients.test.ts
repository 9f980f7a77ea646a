import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { sseEvent, SseClients, type SseClient } from '../../src/serve/sse-clients.ts';
import { readSse } from './sse-reader.ts';

test('clients that do not read are told to come again and closed, and nobody else is', async () => {
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
  const text = 'x'.repeat(100_000);
  let sent = 0;
  let mostBufferedBytes = 0;
  while (clients.resyncs < deaf.length) {
    const frame = Buffer.from(sseEvent('delta', JSON.stringify({ sent: (sent += 1), text })));
    for (const client of open) client.send(frame);
    mostBufferedBytes = Math.max(mostBufferedBytes, clients.bufferedBytes);
    await reader.until(({ data }) => (data as { sent?: number }).sent === sent);
    await turn();
  }
  expect(clients.resyncs).toBe(20);
  expect(mostBufferedBytes).toBeLessThan(21 * (bufferLimitBytes + 110_000));
  await expect.poll(() => clients.size, { timeout: 60_000 }).toBe(1);
  expect(reader.events).toHaveLength(sent);

  // The last that such a client finds, when it reads at last, is to come again.
  const [first] = deaf;
  let tail = '';
  first?.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString('latin1')).slice(-200);
  });
  first?.resume();
  if (first && !first.closed) await once(first, 'close');
  expect(tail).not.toBe('');
});
