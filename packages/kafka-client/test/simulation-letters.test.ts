import { expect, test } from 'vitest';
import { Coverage } from '../testing/coverage.ts';
import { Invariants } from '../testing/invariants.ts';
import { ModelCluster } from '../testing/model-cluster.ts';
import { TOPICS, type World } from '../testing/simulation-world.ts';

/** A click and a record that is none in each input, a click that nobody has forwarded, and letters of partition 0. */
function listing(...letters: readonly string[]) {
  const cluster = new ModelCluster(Object.values(TOPICS), 2, {
    timeoutMs: 1_000,
    mostEpochs: 10,
    later: () => undefined,
    markerDelayMs: () => 0,
    onTimeout: () => undefined,
  });
  const world = {
    partitions: 2,
    windows: { sizeMs: 1_000, advanceMs: 1_000, graceMs: 0, horizonMs: 0 },
    scheduler: { nowMs: 0 },
    coverage: new Coverage(),
    cluster,
  } as unknown as World;
  const invariants = new Invariants(world);
  const write = (topic: string, partition: number, values: readonly string[]) =>
    cluster.log(topic, partition).append(
      values.map((value) => ({ key: null, value: Buffer.from(value), headers: [] })),
      0,
    );
  for (const partition of [0, 1]) write(TOPICS.input, partition, ['click 0 at 5 #1', 'no click']);
  write(TOPICS.repartition, 0, ['click 0 at 5 #1']);
  return () => {
    invariants.check();
    for (const letter of letters) {
      write(TOPICS.deadLetters, 0, [letter]);
      invariants.check();
    }
  };
}

test('a dead letter is taken for a record that is to be rejected, with its reason, where it was read', () => {
  // There being no checkpoint is all that is wrong with these.
  for (const right of ['clicks/0/1 malformed', 'app_repartition/0/0 misrouted'])
    expect(listing(right)).toThrow('does not cover results that are committed');
  for (const wrong of [
    'clicks/0/0 malformed',
    'clicks/0/1 misrouted',
    'clicks/0/2 malformed',
    'clicks/1/1 malformed',
    'app_repartition/0/0 malformed',
    'app_repartition/0/1 misrouted',
    'totals/0/0 malformed',
    'clicks/0/1 because',
  ])
    expect(listing(wrong)).toThrow(/^partition 0: .* is listed as /);
});
