import { createRandomSource, type AppProcess, type RandomSource } from '@clickstream/test-harness';
import { describe, expect, test } from 'vitest';
import type { FaultContext } from '../src/fault.ts';
import { joinAndLeave } from '../src/faults/join-and-leave.ts';
import { stopAtRandomMoments } from '../src/stopped-at-random.ts';

/** An app that does what it is told at once. */
function fakeApp(onStop: () => void): AppProcess {
  const { promise: ended, resolve } = Promise.withResolvers<Awaited<AppProcess['ended']>>();
  const nothing = () => Promise.resolve();
  return {
    pid: 0,
    stderr: '',
    hasEnded: false,
    ready: nothing,
    says: () => Promise.resolve(''),
    stopped: nothing,
    kill: () => {
      onStop();
      resolve({ exitCode: 0, signal: undefined, stderr: '' });
    },
    ended,
  };
}

/** Who joins and who leaves, while a load draws so many numbers in each pause. */
async function choicesOf(seed: number, drawnByLoad: (pause: number) => number): Promise<string[]> {
  const choices: string[] = [];
  const ofLoad = createRandomSource(seed, 'load');
  let [started, pauses] = [0, 0];
  const context: Partial<FaultContext> = {
    rounds: 40,
    random: createRandomSource(seed, 'fault'),
    pause: () => {
      for (let draws = drawnByLoad(pauses++); draws > 0; draws--) ofLoad.below(2);
      return Promise.resolve();
    },
    startAggregator: () => {
      const number = ++started;
      choices.push(`${number} joins`);
      return fakeApp(() => choices.push(`${number} leaves`));
    },
    keepWriting: () => () => Promise.resolve(),
    recover: () => Promise.resolve(),
  };
  await joinAndLeave.run(context as FaultContext);
  return choices;
}

describe('a seed', () => {
  test('repeats the choices of a fault, however much its load has drawn by then', async () => {
    const choices = await choicesOf(7, () => 10);
    expect(choices).toContain('1 leaves');
    expect(await choicesOf(7, (pause) => pause % 3)).toEqual(choices);
    expect(await choicesOf(8, () => 10)).not.toEqual(choices);
  });

  test('gives each purpose numbers of its own', () => {
    const draw = (source: RandomSource) => Array.from({ length: 20 }, () => source.below(100));
    expect(draw(createRandomSource(1, 'load'))).toEqual(draw(createRandomSource(1, 'load')));
    expect(draw(createRandomSource(1, 'load'))).not.toEqual(draw(createRandomSource(1, 'fault')));
  });

  test('decides when each of many processes is stopped before the first one starts', async () => {
    const order: string[] = [];
    await stopAtRandomMoments({
      rounds: 3,
      atOnce: 2,
      random: {
        below: () => {
          order.push('drawn');
          return 1;
        },
      },
      begun: () => Promise.resolve(),
      start: (round) => {
        order.push(`round ${round}`);
        return fakeApp(() => undefined);
      },
    });
    expect(order).toEqual(['drawn', 'drawn', 'drawn', 'round 0', 'round 1', 'round 2']);
  });
});
