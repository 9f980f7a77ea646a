/** Random numbers that a seed repeats: mulberry32 by Tommy Ettinger. */
export interface RandomSource {
  /** A whole number from 0 to `below - 1`. */
  below(below: number): number;
}

export function createRandomSource(seed: number): RandomSource {
  let state = seed >>> 0;
  return {
    below: (below) => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
    },
  };
}
