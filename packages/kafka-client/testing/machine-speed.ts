/** What {@link busyMs} takes on a core of the machine on which the limits were set, with nothing beside it. */
const USUAL_MS = 195;
const ROUNDS = 120_000_000 / 4096;

/**
 * How many times as long this machine takes at present as the one on which limits of CPU time were set: at least 1. A core
 * that is shared with another thread of the same core is slower, and its CPU time tells.
 */
export function slowness(): number {
  return Math.max(1, busyMs() / USUAL_MS);
}

function busyMs(): number {
  const bytes = Buffer.alloc(4096, 7);
  const before = process.cpuUsage();
  let mixed = 1;
  for (let round = 0; round < ROUNDS; round++)
    for (let index = 0; index < 4096; index++) {
      mixed = Math.imul(mixed ^ (mixed >>> 15), (bytes[index] ?? 0) | 1) >>> 0;
      bytes[(mixed >>> 3) & 4095] = mixed & 255;
    }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
