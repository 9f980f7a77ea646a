import type { PartitionResponse } from './fetched-batch.ts';

/** One partition to fetch from, and from where. */
export interface PartitionRequest {
  readonly topic: string;
  readonly partition: number;
  readonly fetchOffset: bigint;
}

export interface FetchLimits {
  /** How long the broker may wait for records, in ms. */
  readonly maxWaitMs: number;
  /** Bytes after which the broker stops filling the response. */
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  readonly isolation: 'read_committed' | 'read_uncommitted';
}

/** A request and how to read its response, in the form that a kafkajs connection sends. */
export interface ProtocolRequest<Response> {
  readonly request: {
    apiKey: number;
    apiVersion: number;
    apiName: string;
    /** kafkajs wants its own Encoder; it reads just these two fields of it. */
    encode: () => Promise<{ buf: Buffer; buffer: Buffer }>;
  };
  readonly response: {
    decode: (payload: Buffer) => Promise<{ clientSideThrottleTime: number; data: Response }>;
    parse: (decoded: { data: Response }) => Promise<Response>;
  };
  readonly logResponseError: false;
}

const FETCH = 1;
/** The newest version that only the leader answers: from 11 on, followers do, and a reader may be stuck at one. */
const FETCH_VERSION = 10;

/**
 * Fetch v10 with the records left as bytes: kafkajs' own decoder makes an object of every record, and
 * drops the positions of a fetch that brought none.
 */
export function fetchRequest(
  partitions: readonly PartitionRequest[],
  limits: FetchLimits,
): ProtocolRequest<PartitionResponse[]> {
  return {
    request: {
      apiKey: FETCH,
      apiVersion: FETCH_VERSION,
      apiName: 'Fetch',
      encode: () => {
        const buffer = encodeFetch(partitions, limits);
        return Promise.resolve({ buf: buffer, buffer });
      },
    },
    response: {
      decode: (payload) => Promise.resolve(decodeFetch(payload)),
      parse: ({ data }) => Promise.resolve(data),
    },
    logResponseError: false,
  };
}

function encodeFetch(partitions: readonly PartitionRequest[], limits: FetchLimits): Buffer {
  // Each partition goes as a topic of its own: the broker fills the response in the order of the request.
  const names = partitions.map(({ topic }) => Buffer.from(topic));
  const size = 25 + names.reduce((sum, name) => sum + 2 + name.length + 4 + 28, 4) + 4;
  const buffer = Buffer.allocUnsafe(size);
  let at = 0;
  at = buffer.writeInt32BE(-1, at); // replica id: a consumer
  at = buffer.writeInt32BE(limits.maxWaitMs, at);
  at = buffer.writeInt32BE(1, at); // min bytes
  at = buffer.writeInt32BE(limits.maxBytes, at);
  at = buffer.writeInt8(limits.isolation === 'read_committed' ? 1 : 0, at);
  at = buffer.writeInt32BE(0, at); // session id: none
  at = buffer.writeInt32BE(-1, at); // session epoch: full fetches only
  at = buffer.writeInt32BE(partitions.length, at);
  partitions.forEach(({ partition, fetchOffset }, index) => {
    const name = names[index] ?? Buffer.alloc(0);
    at = buffer.writeInt16BE(name.length, at);
    at += name.copy(buffer, at);
    at = buffer.writeInt32BE(1, at);
    at = buffer.writeInt32BE(partition, at);
    at = buffer.writeInt32BE(-1, at); // current leader epoch: not checked
    at = buffer.writeBigInt64BE(fetchOffset, at);
    at = buffer.writeBigInt64BE(-1n, at); // log start offset: for followers only
    at = buffer.writeInt32BE(limits.maxBytesPerPartition, at);
  });
  at = buffer.writeInt32BE(0, at); // forgotten topics
  return buffer.subarray(0, at);
}

function decodeFetch(payload: Buffer): { clientSideThrottleTime: number; data: PartitionResponse[] } {
  let at = 0;
  const int16 = () => payload.readInt16BE((at += 2) - 2);
  const int32 = () => payload.readInt32BE((at += 4) - 4);
  const int64 = () => payload.readBigInt64BE((at += 8) - 8);
  const bytes = (length: number) => payload.subarray(at, (at += Math.max(0, length)));

  const arrivedAt = performance.now();
  const clientSideThrottleTime = int32();
  const responseError = int16();
  int32(); // session id
  const data: PartitionResponse[] = [];
  for (let topics = int32(); topics > 0; topics--) {
    const topic = bytes(int16()).toString('utf8');
    for (let partitions = int32(); partitions > 0; partitions--) {
      const partition = int32();
      const errorCode = int16() || responseError;
      const highWatermark = int64();
      const lastStableOffset = int64();
      const logStartOffset = int64();
      const abortedTransactions: { producerId: bigint; firstOffset: bigint }[] = [];
      for (let count = int32(); count > 0; count--)
        abortedTransactions.push({ producerId: int64(), firstOffset: int64() });
      const records = bytes(int32());
      data.push({
        topic,
        partition,
        errorCode,
        highWatermark,
        lastStableOffset,
        logStartOffset,
        abortedTransactions,
        records,
        arrivedAt,
      });
    }
  }
  return { clientSideThrottleTime, data };
}
