import { randomBytes } from 'node:crypto';
import createXxhash from 'xxhash-wasm';

/**
 * A 64-bit hash of texts (XXH64 of their UTF-8), written as two words. Its seed is random, by default another one for
 * each process, so that nobody who chooses the texts knows the hashes.
 */
export async function createTextHash(
  seed: bigint = randomBytes(8).readBigUInt64LE(),
): Promise<(text: string, into: Uint32Array) => void> {
  const xxhash = await createXxhash();
  const whole = new BigUint64Array(1);
  const words = new Uint32Array(whole.buffer);
  return (text, into) => {
    whole[0] = xxhash.h64(text, seed);
    into[0] = words[0] ?? 0;
    into[1] = words[1] ?? 0;
  };
}
