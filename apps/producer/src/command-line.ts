import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { AppContext } from '@clickstream/kafka-client';
import {
  DEAD_LETTER_REASONS,
  printable,
  RECORD_FORMATS,
  type DeadLetterReason,
  type RecordFormat,
} from '@clickstream/schema';
import type { ClickRate, ReplaySpeed } from './core/pace.ts';
import { parseDurationMs } from './core/parse-duration.ts';
import { REPLAYABLE_REASONS } from './core/replayable-reasons.ts';

/** Flags of `simulate`. */
export interface SimulateOptions {
  readonly rate: ClickRate;
  readonly users: number;
  readonly pages: number;
  readonly skew: number;
  readonly format: RecordFormat;
  readonly seed?: number;
  readonly count?: number;
  /** `--duration`, ms. */
  readonly duration?: number;
  readonly runId?: string;
  /** Undefined when neither `--report` nor `--no-report` was given. */
  readonly report?: boolean;
  /** File to write. */
  readonly manifest?: string;
}

/** Argument and flags of `replay`. */
export interface ReplayOptions {
  /** A path, or `-` for standard input. */
  readonly source: string;
  readonly speed: ReplaySpeed;
  readonly report?: boolean;
  /** File to write. */
  readonly manifest?: string;
}

/** Flags of `replay --dead-letters`. */
export interface ReplayDeadLettersOptions {
  /** Every replayable reason in turn, if undefined. */
  readonly reason?: DeadLetterReason;
  readonly force?: boolean;
}

/** What the command line asks for; `exit` when that was help, or an error that has been shown. */
export type CommandLine =
  | { readonly command: 'simulate'; readonly options: SimulateOptions }
  | { readonly command: 'replay'; readonly options: ReplayOptions }
  | { readonly command: 'replay-dead-letters'; readonly options: ReplayDeadLettersOptions }
  | { readonly command: 'exit'; readonly exitCode: number };

const HELP_WIDTH = 100;
const MANIFEST_OPTION = [
  '--manifest <file>',
  'note what was acknowledged, for results-consumer verify --manifest',
] as const;
const DEFAULT_HELP = `
Examples:
  producer                                     one click per second until Ctrl-C
  producer simulate --rate 1000 --duration 30s
  producer replay access.log.gz

Kafka is named by KAFKA_BROKERS (default localhost:9092), the topic by CLICKSTREAM_TOPIC.
See producer simulate --help and producer replay --help.`;
const SIMULATE_HELP = `
Examples:
  producer simulate --rate 5 --users 20        five clicks per second of 20 users
  producer simulate --count 100000 --rate max  100,000 clicks as fast as Kafka takes them
  producer simulate --seed 7 --skew 1          the same busy users and pages every time
  producer simulate --format sentence          User 42 clicked on /page3 at 1711111111.123`;
const REPLAY_HELP = `
Examples:
  producer replay access.log.gz                all of it, as fast as Kafka takes it
  producer replay access.log --speed 60        a recorded minute every second
  tail -F access.log | producer replay -       as the web server writes it
  producer replay --dead-letters               after a fix: what was rejected, each click once`;

/** Parses the arguments; help goes to `stdout`, an error as one line to `stderr`. */
export function parseCommandLine(
  args: readonly string[],
  { stdout, stderr }: Pick<AppContext, 'stdout' | 'stderr'>,
): CommandLine {
  let parsed: CommandLine = { command: 'exit', exitCode: 0 };
  const program = new Command('producer')
    .description('Publishes clicks to Kafka: simulated ones (the default), or those of a web access log.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => stdout.columns ?? HELP_WIDTH,
      getErrHelpWidth: () => stderr.columns ?? HELP_WIDTH,
      // commander puts its suggestion on a second line.
      outputError: (text, write) => {
        write(`${printable(text.trim().replaceAll(/\s*\n\s*/g, ' '))}\n`);
      },
    })
    .addHelpText('after', DEFAULT_HELP);

  program
    .command('simulate', { isDefault: true })
    .description('Publish made-up clicks at a steady rate, until --count, --duration or a signal ends it.')
    .addOption(
      new Option('--rate <clicks>', 'clicks per second, or max')
        .default(1)
        .argParser(orMax(numberIn(0.001, 1e6))),
    )
    .addOption(
      new Option('--users <number>', 'users are 1 to this number').default(100).argParser(integerIn(1, 1e7)),
    )
    .addOption(
      new Option('--pages <number>', 'pages are /page1 to /page<number>')
        .default(10)
        .argParser(integerIn(1, 1e7)),
    )
    .addOption(
      new Option('--skew <exponent>', "Zipf's exponent over users and pages, 0 = all alike")
        .default(0)
        .argParser(numberIn(0, 10)),
    )
    .addOption(
      new Option(
        '--seed <number>',
        'the same seed draws the same users and pages (default: random)',
      ).argParser(integerIn(0, 2 ** 32 - 1)),
    )
    .addOption(
      new Option('--count <clicks>', 'stop after so many').argParser(integerIn(1, Number.MAX_SAFE_INTEGER)),
    )
    .addOption(new Option('--duration <time>', 'stop after 500ms, 30s, 5m, 2h, …').argParser(duration))
    .addOption(new Option('--format <format>', 'form of the records').choices(RECORD_FORMATS).default('json'))
    .addOption(
      new Option('--run-id <id>', 'event ids are <id>-1, <id>-2, … (default: random)').argParser(runId),
    )
    .option('--report', 'print what became of each click (default: up to 10 clicks per second)')
    .option('--no-report', 'print the summary only')
    .option(...MANIFEST_OPTION)
    .addHelpText('after', SIMULATE_HELP)
    // As the default command it also gets the misspelt names of other commands.
    .allowExcessArguments()
    .action((options: SimulateOptions, command: Command) => {
      if (command.args.length > 0) {
        command.error(`error: unexpected argument '${command.args.join(' ')}' (commands: simulate, replay)`);
      }
      parsed = { command: 'simulate', options };
    });

  program
    .command('replay')
    .description(
      'Publish each request of an access log (NCSA common or combined, gzip or not) as a click; or send the clicks of dead letters again.',
    )
    .argument('[file]', 'the log, or - for standard input')
    .addOption(
      new Option('--speed <factor>', 'times as fast as recorded, or max')
        .default('max')
        .argParser(orMax(numberIn(0.001, 1e6))),
    )
    .option('--report', 'print what became of each click instead of the progress')
    .option(...MANIFEST_OPTION)
    .addOption(
      new Option(
        '--dead-letters',
        'send rejected clicks again, those that no earlier run has sent',
      ).conflicts(['speed', 'report', 'manifest']),
    )
    .addOption(
      new Option('--reason <reason>', 'only dead letters of this reason').choices(DEAD_LETTER_REASONS),
    )
    .option('--force', 'with --reason: also clicks that are counted already, or may have been sent before')
    .addHelpText('after', REPLAY_HELP)
    .action((source: string | undefined, options: ReplayFlags, command: Command) => {
      parsed = options.deadLetters
        ? { command: 'replay-dead-letters', options: deadLetterOptions(source, options, command) }
        : { command: 'replay', options: { ...options, source: logSource(source, options, command) } };
    });

  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { command: 'exit', exitCode: error.exitCode };
  }
  return parsed;
}

type ReplayFlags = Omit<ReplayOptions, 'source'> & ReplayDeadLettersOptions & { readonly deadLetters?: true };

function logSource(source: string | undefined, { reason, force }: ReplayFlags, command: Command): string {
  if (reason !== undefined || force) command.error('error: --reason and --force need --dead-letters');
  return source ?? command.error("error: missing required argument 'file' (or --dead-letters)");
}

function deadLetterOptions(
  source: string | undefined,
  { reason, force }: ReplayFlags,
  command: Command,
): ReplayDeadLettersOptions {
  if (source !== undefined) command.error('error: --dead-letters takes no file');
  if (force && reason === undefined) command.error('error: --force needs --reason');
  if (reason !== undefined && !force && !REPLAYABLE_REASONS.includes(reason))
    command.error(
      `error: ${reason} clicks are listed, and counted in the running totals: sending them again counts them twice (--force does it all the same; without it there are ${REPLAYABLE_REASONS.join(', ')})`,
    );
  return { ...(reason !== undefined && { reason }), ...(force && { force }) };
}

function numberIn(min: number, max: number) {
  return (text: string): number => {
    const number = text.trim() === '' ? NaN : Number(text);
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  };
}

function integerIn(min: number, max: number) {
  return (text: string): number => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function orMax(parse: (text: string) => number) {
  return (text: string): number | 'max' => {
    if (text === 'max') return 'max';
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new InvalidArgumentError(error.message.replace(/\.$/, ', or max.'));
    }
  };
}

function duration(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs !== undefined && durationMs > 0) return durationMs;
  throw new InvalidArgumentError('It must be a time such as 500ms, 30s, 5m or 2h.');
}

function runId(text: string): string {
  if (/^[\w.:-]{1,200}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 200 letters, digits, dots, colons, dashes or underscores.');
}
