import { parentPort, workerData } from 'node:worker_threads';
import { runInstance } from '../src/task-processor.ts';
import { Coverage } from './coverage.ts';
import { report } from './report.ts';
import { runSchedule } from './run-schedule.ts';
import type { SearchAnswer, SearchShare } from './search.ts';

const { from, to, step } = workerData as SearchShare;
const coverage = new Coverage();
let failure: string | undefined;
for (let seed = from; seed <= to && failure === undefined; seed += step) {
  const result = await runSchedule(seed, { runInstance });
  if (result.violation) failure = report(result);
  coverage.add(result.coverage);
}
parentPort?.postMessage({ failure, counts: coverage.counts } satisfies SearchAnswer);
