import { CRASH_POINTS, runApp } from '@clickstream/kafka-client';
import { runAggregator } from '../src/app.ts';

/**
 * The aggregator, which sends itself CRASH_SIGNAL (SIGKILL unless set) when one of its tasks comes to CRASH_POINT for
 * the CRASH_COUNTth time. Without CRASH_POINT it is the aggregator as it is.
 */
const { CRASH_POINT, CRASH_COUNT = '1', CRASH_SIGNAL = 'SIGKILL' } = process.env;
if (CRASH_POINT !== undefined && !CRASH_POINTS.some((point) => point === CRASH_POINT))
  throw new Error(`no crash point ${CRASH_POINT}: there are ${CRASH_POINTS.join(', ')}`);
let left = Number(CRASH_COUNT);

await runApp(process, (context) =>
  runAggregator(context, (point) => {
    if (point === CRASH_POINT && --left === 0) process.kill(process.pid, CRASH_SIGNAL);
  }),
);
