import { parseArgs } from 'node:util';
import { runInstance } from '../src/task-processor.ts';
import { Coverage } from './coverage.ts';
import { PLANTED_BUGS } from './planted.ts';
import { report } from './report.ts';
import { runSchedule } from './run-schedule.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    bug: { type: 'string' },
    failures: { type: 'string', default: '3' },
  },
});

const bug = PLANTED_BUGS.find(({ name }) => name === values.bug);
if (values.bug !== undefined && !bug)
  throw new Error(`no such bug: ${values.bug}; there are ${PLANTED_BUGS.map(({ name }) => name).join(', ')}`);
const engine = bug ? await bug.engine() : { runInstance };
const coverage = new Coverage();
const startedAt = performance.now();
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.count) : 1;
let failures = 0;
let ran = 0;
for (let seed = from; seed < from + count; seed++) {
  const result = await runSchedule(seed, engine, values.seed !== undefined);
  ran++;
  coverage.add(result.coverage);
  if (result.violation === undefined) {
    if (values.seed !== undefined) process.stdout.write(`${result.trace.last(Infinity).join('\n')}\n`);
    continue;
  }
  process.stdout.write(`${report(result, values.bug, values.seed === undefined ? 60 : Infinity)}\n`);
  if (++failures === Number(values.failures)) break;
}
const seconds = (performance.now() - startedAt) / 1000;
process.stdout.write(
  `${ran} schedules in ${seconds.toFixed(1)} s: ${(ran / seconds).toFixed(0)} a second; ${failures} failed\n`,
);
for (const [name, times] of coverage.counts) process.stdout.write(`${String(times).padStart(9)}  ${name}\n`);
