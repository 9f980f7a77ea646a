import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ALL_FAULTS } from './all-faults.ts';
import { outcomeTable } from './outcome-table.ts';
import { runSuite } from './run-suite.ts';
import { createSoak } from './soak.ts';
import { writeTable } from './write-table.ts';

const GUARANTEES = fileURLToPath(new URL('../../docs/guarantees.md', import.meta.url));
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
  .option('--rounds <count>', 'rounds of each fault, instead of its own number', wholeNumber)
  .option('--budget <time>', 'take about so long, with fewer rounds: 90s, 30m, 2h', duration)
  .option('--seed <number>', 'the same random choices as that run', wholeNumber, Date.now() % 1_000_000)
  .option('--side-by-side <count>', 'faults at the same time', wholeNumber, 3)
  .option('--write', 'put the table into docs/guarantees.md')
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

      const faults = ALL_FAULTS.filter(({ name }) => options.only?.includes(name) ?? true);
      console.log(`${faults.length} faults, seed ${options.seed}`);
      const outcomes = await runSuite(faults, {
        ...options,
        budgetSeconds: options.budget,
        print: (line) => {
          console.log(line);
        },
      });
      const failed = outcomes.filter(({ failure }) => failure);
      const table = outcomeTable(outcomes);
      console.log(`\n${table}\n`);
      if (options.write)
        writeTable(
          GUARANTEES,
          `${new Date().toISOString().slice(0, 10)}, ${versions()}, seed ${options.seed}: ${outcomes.length - failed.length} passed, ${failed.length} failed.\n\n${table}`,
        );
      console.log(`${outcomes.length - failed.length} passed, ${failed.length} failed`);
      if (failed.length > 0 || outcomes.length === 0) process.exitCode = 1;
    },
  );
program
  .command('soak')
  .description('mixes faults with quiet between, on one broker with long-lived instances')
  .option('--minutes <count>', 'how long', wholeNumber, 30)
  .option('--seed <number>', 'the same random choices as that run', wholeNumber, Date.now() % 1_000_000)
  .action(async ({ minutes, seed }: { minutes: number; seed: number }) => {
    const print = (line: string) => {
      console.log(line);
    };
    print(`soak of ${minutes} minutes, seed ${seed}`);
    const outcomes = await runSuite([createSoak(minutes, print)], { seed, print });
    print(`\n${outcomeTable(outcomes)}`);
    if (outcomes.some(({ failure }) => failure)) process.exitCode = 1;
  });
await program.parseAsync();

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

function duration(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smh])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? NaN);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('It must be a time such as 90s, 30m or 2h.');
}
