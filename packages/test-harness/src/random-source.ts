/** Random numbers that a seed repeats: mulberry32 by Tommy Ettinger. */
export interface RandomSource {
  /** A whole number from 0 to `below - 1`. */
  below(below: number): number;
}

/**
 * @param purpose of the numbers: one seed gives each purpose numbers of its own. What draws by the clock, as a load does,
 * needs them, or else it would shift the choices of whoever draws beside it.
 */
export function createRandomSource(seed: number, purpose = ''): RandomSource {
  let state = (seed ^ hash(purpose)) >>> 0;
  return {
    below: (below) => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
    },
  };
}

/** FNV-1a, with 0 for nothing. */
function hash(text: string): number {
  if (text === '') return 0;
  return Buffer.from(text).reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193), 0x811c9dc5);
}
