import { createWindowLoad, WINDOW_LOAD_ENVIRONMENT } from '@clickstream/test-harness';
import type { Fault } from '../fault.ts';
import { SAME_SEAT } from '../seats.ts';

export const windowLoadKilled: Fault = {
  name: 'window-load-killed',
  title: '`kill -9` at random moments while 1,000 clicks come on each of 6 pages in each window',
  rounds: 20,
  fewestRounds: 20,
  seconds: { round: 3, fixed: 40 },
  emit: 'coalesced',
  pace: 'plain',
  environment: { ...WINDOW_LOAD_ENVIRONMENT, ...SAME_SEAT },
  async run({ pause, rounds, random, randomOf, topics, load, startAggregator, recover, report }) {
    const windowLoad = createWindowLoad(topics, load, randomOf('window load'));
    const stopWriting = windowLoad.keepWriting();
    for (let round = 0; round < rounds; round++) {
      const instance = startAggregator();
      // Mostly while it counts, sometimes while it starts.
      if (round % 4 < 3) await instance.ready();
      await pause(random.below(1_500));
      instance.kill('SIGKILL');
      await instance.ended;
    }
    await recover(startAggregator());
    await stopWriting();
    await windowLoad.assertFinal();
    report(`${windowLoad.windows} windows with exact finals`);
  },
};
