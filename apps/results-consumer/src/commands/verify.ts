import { setTimeout as delay } from 'node:timers/promises';
import { styleText } from 'node:util';
import {
  createLogger,
  createPartitionReader,
  firstAbort,
  kafkaConnection,
  KafkaClientError,
  type AppContext,
  type PartitionReader,
} from '@clickstream/kafka-client';
import { printable } from '@clickstream/schema';
import type { Command } from 'commander';
import { readConfig, type Config } from '../config.ts';
import { jsonLine } from '../core/json-line.ts';
import { CannotVerifyError } from '../verify/cannot-verify-error.ts';
import { readManifest, type Manifest } from '../verify/read-manifest.ts';
import { ReadProgress } from '../verify/read-progress.ts';
import { formatReport, type Report } from '../verify/report.ts';
import { showReadProgress } from '../verify/show-read-progress.ts';
import { verify } from '../verify/verify.ts';
import type { RunCommand } from './run-command.ts';

interface VerifyFlags {
  readonly json?: true;
  readonly follow?: true;
  readonly manifest?: string;
}

/** What a verification came to, or why there was none. */
type Outcome = Report | { readonly verdict: 'unchecked'; readonly reason: string };

const EXIT_CODES = { pass: 0, fail: 1, unchecked: 2 } as const;
const COLOURS = { pass: 'green', fail: 'red', unchecked: 'yellow' } as const;
const FOLLOW_PAUSE_MS = 3_000;
const CONNECT_LIMIT_MS = 15_000;

/** `verify`: recounts the clicks and compares every total, window and session. */
export function addVerifyCommand(program: Command, run: RunCommand): void {
  program
    .command('verify')
    .description(
      'count all clicks anew, compare every total, window and session with that, and say PASS or FAIL',
    )
    .option('--json', 'one JSON object for each verification')
    .option('--follow', 'verify again and again, until one fails or it is stopped')
    .option('--manifest <file>', 'also check what a run of producer --manifest <file> had acknowledged')
    .addHelpText(
      'after',
      `
Nothing is stopped and nothing is written: what the aggregator has committed at one moment is checked.
Exit code 0: every result is exact. 1: something is wrong. 2: not everything could be checked.

Examples:
  $ results-consumer verify
  PASS: every total, window and session is exact (125000 clicks of 100 users in 4 partitions, 0.9 s)
  $ results-consumer verify --follow
  $ results-consumer verify --manifest run.ndjson --json`,
    )
    .action((flags: VerifyFlags) => {
      let verdict: Outcome['verdict'] = 'unchecked';
      return run(
        async (context) => {
          for await (const outcome of verifications(flags, context)) {
            print(outcome, flags, context);
            ({ verdict } = outcome);
          }
          return EXIT_CODES[verdict];
        },
        // Whoever asks whether it passed must not hear yes because it was interrupted.
        () => EXIT_CODES[verdict],
      );
    });
}

/** One verification, or with `--follow` one after another until one fails. */
async function* verifications(flags: VerifyFlags, context: AppContext): AsyncGenerator<Outcome, void> {
  const { signal } = context;
  try {
    for (;;) {
      const outcome = await verifyOnce(flags, context);
      yield outcome;
      if (!flags.follow || outcome.verdict === 'fail') return;
      await delay(FOLLOW_PAUSE_MS, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function verifyOnce(flags: VerifyFlags, context: AppContext): Promise<Outcome> {
  try {
    const config = readConfig(context.environment);
    const manifest = flags.manifest === undefined ? undefined : await readManifest(flags.manifest);
    const reader = await connect(config, context);
    try {
      return await verifyWith(reader, config, manifest, context);
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof CannotVerifyError || error instanceof KafkaClientError)
      return { verdict: 'unchecked', reason: error.message };
    throw error;
  }
}

async function verifyWith(
  reader: PartitionReader,
  config: Config,
  manifest: Manifest | undefined,
  { stderr, signal }: AppContext,
): Promise<Report> {
  const progress = new ReadProgress();
  const hideProgress = showReadProgress(stderr, progress);
  try {
    return await verify({
      reader,
      topics: {
        clicks: config.CLICKSTREAM_TOPIC,
        totals: config.USER_CLICK_AGGREGATION_TOPIC,
        pages: config.PAGE_CLICK_AGGREGATION_TOPIC,
        sessions: config.USER_SESSION_AGGREGATION_TOPIC,
        deadLetters: config.DEAD_LETTER_TOPIC,
        checkpoints: `${config.APPLICATION_ID}_checkpoint`,
      },
      manifest,
      progress,
      signal,
    });
  } finally {
    hideProgress();
  }
}

/** A port that takes connections and never answers must not keep it waiting. */
async function connect(config: Config, { stderr, signal }: AppContext): Promise<PartitionReader> {
  const connection = kafkaConnection(config, 'clickstream-results-consumer');
  const log = createLogger('results-consumer', config, stderr.isTTY === true);
  const settled = new AbortController();
  const late = delay(CONNECT_LIMIT_MS, undefined, { signal: firstAbort(signal, settled.signal) });
  try {
    return await Promise.race([
      createPartitionReader({ connection, log }),
      late.then(() => {
        throw new CannotVerifyError(`cannot reach Kafka at ${connection.brokers.join(',')}: no answer`);
      }),
    ]);
  } finally {
    settled.abort();
  }
}

function print(outcome: Outcome, { json }: VerifyFlags, { stdout }: AppContext): void {
  if (json) {
    stdout.write(`${jsonLine(outcome)}\n`);
    return;
  }
  const lines = 'reason' in outcome ? [`COULD NOT CHECK: ${outcome.reason}`] : formatReport(outcome);
  const [first = '', ...others] = lines.map(printable);
  stdout.write(
    [styleText(COLOURS[outcome.verdict], first, { stream: stdout }), ...others]
      .map((line) => `${line}\n`)
      .join(''),
  );
}
