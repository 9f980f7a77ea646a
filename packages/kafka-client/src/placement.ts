const SEED = 0x9747b28c | 0;
const M = 0x5bd1e995;

/**
 * murmur2 over some bytes, as a signed 32-bit number: the hash that Kafka's Java client places keys with
 * (`org.apache.kafka.common.utils.Utils.murmur2`).
 */
export function murmur2(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const length = end - start;
  let hash = SEED ^ length;
  let at = start;
  for (const lastWord = end - 3; at < lastWord; at += 4) {
    let k =
      byte(bytes, at) |
      (byte(bytes, at + 1) << 8) |
      (byte(bytes, at + 2) << 16) |
      (byte(bytes, at + 3) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(k, M);
  }
  const left = end - at;
  if (left === 3) hash ^= byte(bytes, at + 2) << 16;
  if (left >= 2) hash ^= byte(bytes, at + 1) << 8;
  if (left >= 1) hash = Math.imul(hash ^ byte(bytes, at), M);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}

/**
 * The partition where Kafka's Java client, and ours, puts a record with this key:
 * `toPositive(murmur2(key)) % partitions`.
 */
export function homePartition(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

function byte(bytes: Uint8Array, at: number): number {
  // In range at every call above; the fallback is for the type checker and costs nothing measurable.
  return bytes[at] ?? 0;
}
