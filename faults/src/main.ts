import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ALL_FAULTS } from './all-faults.ts';
import { outcomeTable } from './outcome-table.ts';
import { planRounds, type Plan } from './plan-rounds.ts';
import { runSuite } from './run-suite.ts';
import { createSoak } from './soak.ts';
import { appendLine, writePart } from './write-table.ts';

const GUARANTEES = fileURLToPath(new URL('../../docs/guarantees.md', import.meta.url));
const SIDE_BY_SIDE = 3;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

const program = new Command('faults').description(
  'Breaks the pipeline on purpose, on real brokers of its own, and counts afterwards.',
);
program
  .command('run', { isDefault: true })
  .description('each fault by itself')
  .addOption(
    new Option('--only <name...>', 'run these faults only').choices(ALL_FAULTS.map(({ name }) => name)),
  )
  .option('--list', 'tell which faults there are')
  .addOption(
    new Option('--rounds <count>', 'rounds of each fault, instead of its own number')
      .argParser(countingNumber)
      .conflicts('budget'),
  )
  .option('--budget <time>', 'take about so long, with fewer rounds: 90s, 30m, 2h', duration)
  .option('--seed <number>', 'the same random choices as that run', wholeNumber, Date.now() % 1_000_000)
  .option('--side-by-side <count>', 'faults at the same time', countingNumber, SIDE_BY_SIDE)
  .option('--write', 'put the table into docs/guarantees.md; for all faults, each with all of its rounds')
  .action(
    async (options: {
      only?: string[];
      list?: true;
      rounds?: number;
      budget?: number;
      seed: number;
      sideBySide: number;
      write?: true;
    }) => {
      if (options.list) {
        for (const { name, title } of ALL_FAULTS) console.log(`${name.padEnd(32)} ${title}`);
        return;
      }

      const { seed, sideBySide, budget } = options;
      const faults = ALL_FAULTS.filter(({ name }) => options.only?.includes(name) ?? true);
      const plan = planRounds(faults, { rounds: options.rounds, budgetSeconds: budget, sideBySide });
      if (options.write) assertWhole(plan);
      console.log(`${faults.length} faults, seed ${seed}, about ${inMinutes(plan.seconds)}`);
      if (budget !== undefined && plan.seconds > budget)
        console.log(
          `more than ${inMinutes(budget)}: with fewer rounds they would not do what they say, fewer faults take --only`,
        );
      const startedAt = performance.now();
      const commit = commitOfTree();
      const { outcomes, finding } = await runSuite(plan, {
        seed,
        sideBySide,
        commandOf: ({ fault, rounds }) =>
          `pnpm test:faults --only ${fault.name} --rounds ${rounds} --seed ${seed}`,
        print,
      });
      const inOrder = faults.flatMap((fault) => outcomes.filter((outcome) => outcome.fault === fault));
      const failed = inOrder.filter(({ failure }) => failure).length;
      const table = outcomeTable(inOrder);
      const isGood = failed === 0 && finding === undefined && inOrder.length > 0;
      const verdict = [
        `${inOrder.length - failed} passed, ${failed === 0 ? 'none' : failed} failed`,
        ...(finding === undefined ? [] : ['something was left']),
      ].join(', ');
      const took = `${sideBySide} at a time in ${inMinutes((performance.now() - startedAt) / 1000)}`;
      print(`\n${table}\n\n${verdict}, ${took}`);
      if (!isGood) process.exitCode = 1;
      if (!options.write) return;
      const run = `${today()}, commit ${commit}, seed ${seed}, ${took}: ${verdict}`;
      appendLine(GUARANTEES, 'runs', run);
      if (isGood)
        writePart(
          GUARANTEES,
          'faults',
          `${today()}, commit ${commit}, ${versions()}, seed ${seed}, ${took}: ${verdict}.\n\n${table}`,
        );
      else print('the table in docs/guarantees.md is as it was: it is of what passed');
    },
  );
program
  .command('soak')
  .description('mixes faults with quiet between, on one broker with long-lived instances')
  .option('--minutes <count>', 'how long', countingNumber, 30)
  .option('--seed <number>', 'the same random choices as that run', wholeNumber, Date.now() % 1_000_000)
  .option('--write', 'put a line about it into docs/guarantees.md')
  .action(async ({ minutes, seed, write }: { minutes: number; seed: number; write?: true }) => {
    print(`soak of ${minutes} minutes, seed ${seed}`);
    const commit = commitOfTree();
    const plan = planRounds([createSoak(minutes, print)], { sideBySide: 1 });
    const { outcomes, finding } = await runSuite(plan, {
      seed,
      sideBySide: 1,
      commandOf: () => `pnpm test:soak --minutes ${minutes} --seed ${seed}`,
      print,
    });
    print(`\n${outcomeTable(outcomes)}`);
    const isGood = finding === undefined && outcomes.every(({ failure }) => !failure);
    if (!isGood) process.exitCode = 1;
    if (!write) return;
    const facts = outcomes.flatMap(({ clicks, lost, doubled, facts: reported }) => [
      `${clicks.toLocaleString('en')} clicks`,
      `${lost} lost`,
      `${doubled} doubled`,
      ...reported,
    ]);
    const run = [today(), `commit ${commit}`, `seed ${seed}`, `${minutes} minutes`, ...facts].join(', ');
    appendLine(GUARANTEES, 'soaks', `${run}: ${isGood ? 'passed' : 'failed'}`);
  });
await program.parseAsync();

function print(line: string): void {
  console.log(line);
}

/** A table is of all faults, each with all of its rounds. */
function assertWhole({ rounds }: Plan): void {
  const missing = ALL_FAULTS.filter((fault) => (rounds.get(fault) ?? 0) < (fault.rounds ?? 1));
  if (missing.length === 0) return;
  const names = missing.map((fault) => `${fault.name} (${fault.rounds ?? 1})`).join(', ');
  program.error(`error: --write needs all faults, each with all of its rounds: ${names}`);
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** The commit that the working tree is of, by its first digits; what earlier runs have written does not count as a change. */
function commitOfTree(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
    const isClean = git('status', '--porcelain', '--', ':(top)', ':(top,exclude)docs/guarantees.md') === '';
    return `${git('rev-parse', '--short', 'HEAD')}${isClean ? '' : ' with changes'}`;
  } catch {
    return 'unknown';
  }
}

function inMinutes(seconds: number): string {
  return `${Math.ceil(seconds / 60)} min`;
}

function versions(): string {
  const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
  const kafka = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)/.exec(
    read('../../packages/local-kafka/kafka/pom.xml'),
  )?.[1];
  const kafkajs = /^ {2}kafkajs: (\S+)$/m.exec(read('../../pnpm-workspace.yaml'))?.[1];
  return `Kafka ${kafka ?? '?'}, Node ${process.versions.node}, kafkajs ${kafkajs ?? '?'} with our patch`;
}

function wholeNumber(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= 0) return number;
  throw new InvalidArgumentError('It must be a whole number.');
}

function countingNumber(text: string): number {
  const number = wholeNumber(text);
  if (number > 0) return number;
  throw new InvalidArgumentError('It must be 1 or more.');
}

function duration(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smh])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? NaN);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('It must be a time such as 90s, 30m or 2h.');
}
