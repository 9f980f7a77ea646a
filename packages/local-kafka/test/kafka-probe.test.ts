import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, inject, onTestFinished, test } from 'vitest';
import { isBrokerReady, probePort } from '../src/kafka-probe.ts';

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('knows a Kafka that is ready', async () => {
  const port = Number(inject('kafkaBrokers').split(':')[1]);
  expect(await probePort('127.0.0.1', port)).toBe('kafka');
  expect(await isBrokerReady('127.0.0.1', port)).toBe(true);
});

test.each<[string, (socket: Socket) => void]>([
  ['answers in another protocol', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['hangs up', (socket) => socket.destroy()],
  ['says nothing', (socket) => socket.on('end', () => socket.end()).resume()],
  ['sends a length without end', (socket) => socket.end(Buffer.alloc(64, 0x7f))],
])('takes what %s for no Kafka', async (_, onConnection) => {
  const port = await listen(onConnection);
  expect(await probePort('127.0.0.1', port, 300)).toBe('other');
  expect(await isBrokerReady('127.0.0.1', port, 300)).toBe(false);
});

test('sees that nothing listens', async () => {
  expect(await probePort('127.0.0.1', 1)).toBe('none');
  expect(await isBrokerReady('127.0.0.1', 1)).toBe(false);
});
