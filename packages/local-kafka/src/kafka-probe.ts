import { connect, type Socket } from 'node:net';

/**
 * A few requests of the Kafka protocol over a bare socket, enough to tell whether a port is a Kafka and whether it is
 * ready. A real client would be circular here: ours is tested with this package.
 *
 * Frames are `int32 length, int16 api key, int16 version, int32 correlation id, nullable string client id, body`;
 * answers are `int32 length, int32 correlation id, body` (https://kafka.apache.org/protocol). Only versions from
 * before the flexible encodings are used, and Kafka 4 still speaks all of them (KIP-896).
 */
const API = { metadata: 3, findCoordinator: 10, apiVersions: 18 } as const;
const COORDINATOR_KINDS = { group: 0, transaction: 1 } as const;
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
const READINESS_KEY = 'local-kafka-readiness';

/** What answers at an address: a Kafka, something else, or nothing. */
export type PortOccupant = 'kafka' | 'other' | 'none';

/** Finds out what listens at an address, by connecting and asking for ApiVersions. */
export async function probePort(host: string, port: number, timeoutMs = 2_000): Promise<PortOccupant> {
  let socket: Socket;
  try {
    socket = await openSocket(host, port, timeoutMs);
  } catch {
    return 'none';
  }
  try {
    const body = await request(socket, API.apiVersions, 0, Buffer.alloc(0), timeoutMs);
    return body.readInt16BE(0) === 0 ? 'kafka' : 'other';
  } catch {
    return 'other';
  } finally {
    socket.destroy();
  }
}

/**
 * Whether the broker can serve everything now: it is in its own metadata and knows the coordinators of groups and of
 * transactions. Asking for them makes a new broker create their topics.
 */
export async function isBrokerReady(host: string, port: number, timeoutMs = 2_000): Promise<boolean> {
  let socket: Socket | undefined;
  try {
    socket = await openSocket(host, port, timeoutMs);
    const metadata = await request(socket, API.metadata, 1, int32(0), timeoutMs);
    if (metadata.readInt32BE(0) < 1) return false;
    for (const kind of Object.values(COORDINATOR_KINDS)) {
      const body = Buffer.concat([protocolString(READINESS_KEY), Buffer.from([kind])]);
      const answer = await request(socket, API.findCoordinator, 1, body, timeoutMs);
      // int32 throttle time, then the error code; 15 while the topic is being created.
      if (answer.readInt16BE(4) !== 0) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    socket?.destroy();
  }
}

/** Connects, or rejects after `timeoutMs`. */
async function openSocket(host: string, port: number, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    // 'close' follows every 'error' and is what a waiting request listens to; without a listener it would be thrown.
    socket.on('error', () => undefined);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`connecting to ${host}:${port}: no answer`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

async function request(
  socket: Socket,
  apiKey: number,
  version: number,
  body: Buffer,
  timeoutMs: number,
): Promise<Buffer> {
  const header = Buffer.alloc(8);
  header.writeInt16BE(apiKey, 0);
  header.writeInt16BE(version, 2);
  header.writeInt32BE(apiKey, 4);
  const frame = Buffer.concat([header, protocolString('local-kafka'), body]);
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), timeoutMs);
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 8) return;
      const length = received.readInt32BE(0);
      if (length < 4 || length > MAX_RESPONSE_BYTES || received.readInt32BE(4) !== apiKey) {
        socket.destroy(new Error('not an answer of the Kafka protocol'));
      } else if (received.length >= length + 4) {
        detach();
        resolve(received.subarray(8, length + 4));
      }
    };
    const onClose = (): void => {
      detach();
      reject(new Error('connection closed without an answer'));
    };
    const detach = (): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose);
    };
    socket.on('data', onData).on('close', onClose);
    socket.write(Buffer.concat([int32(frame.length), frame]));
  });
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function protocolString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
