const MASK_32 = 0xffff_ffffn;
const MULTIPLIER = 0x5bd1_e995n;
const SEED = 0x9747_b28cn;

/**
 * The partition that Kafka's Java client places a key in, `toPositive(murmur2(key)) % partitions`, where all clicks
 * of a user are counted. Done in whole numbers modulo 2^32, which is slow and needs no care for signs.
 */
export function placementOf(userId: string, partitions: number): number {
  return Number((murmur2(Buffer.from(userId, 'utf8')) & 0x7fff_ffffn) % BigInt(partitions));
}

function murmur2(key: Buffer): bigint {
  const words = key.length >> 2;
  let hash = SEED ^ BigInt(key.length);
  for (let word = 0; word < words; word++) {
    const scrambled = scramble((BigInt(key.readUInt32LE(4 * word)) * MULTIPLIER) & MASK_32, 24n);
    hash = ((hash * MULTIPLIER) & MASK_32) ^ scrambled;
  }
  const rest = key.subarray(4 * words);
  if (rest.length > 0) hash = ((hash ^ BigInt(rest.readUIntLE(0, rest.length))) * MULTIPLIER) & MASK_32;
  hash = scramble(hash, 13n);
  return hash ^ (hash >> 15n);
}

function scramble(value: bigint, shift: bigint): bigint {
  return ((value ^ (value >> shift)) * MULTIPLIER) & MASK_32;
}
