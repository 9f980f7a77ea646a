import { expect, test } from 'vitest';
import { createTextHash } from '../../src/io/text-hash.ts';

async function hash(text: string, seed?: bigint): Promise<string> {
  const into = new Uint32Array(2);
  (await createTextHash(seed))(text, into);
  return [...into].map((word) => word.toString(16)).join(' ');
}

test('is XXH64, low word first', async () => {
  // Of the reference implementation: XXH64("", 0) = ef46db3751d8e999, XXH64("a", 0) = d24ec4f1a98c6e5b.
  expect(await hash('', 0n)).toBe('51d8e999 ef46db37');
  expect(await hash('a', 0n)).toBe('a98c6e5b d24ec4f1');
});

test('differs with the seed, which each process chooses', async () => {
  expect(await hash('a', 1n)).not.toBe(await hash('a', 2n));
  expect(await hash('a')).not.toBe(await hash('a'));
});

test('takes any text', async () => {
  const texts = ['e-1', 'e-2', '\u{1f98a}', 'x'.repeat(100_000)];
  expect(new Set(await Promise.all(texts.map((text) => hash(text, 7n)))).size).toBe(texts.length);
});
