import { createLogger, type AppContext, type RecordCursor } from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  DEAD_LETTER_REASONS,
  decodeDeadLetter,
  DEFAULT_TOPIC_NAMES,
  type DeadLetterReason,
} from '@clickstream/schema';
import { Option, type Command } from 'commander';
import { readConfig } from '../config.ts';
import { deadLetterLine, describeDeadLetter } from '../core/dead-letter-line.ts';
import { jsonLine } from '../core/json-line.ts';
import { describeMalformed, malformedLine } from '../core/malformed-line.ts';
import { ReasonTally } from '../core/reason-tally.ts';
import { showTopic } from '../io/show-topic.ts';
import { createTerminalStyle } from '../io/terminal-style.ts';
import type { RunCommand } from './run-command.ts';

interface DeadLettersFlags {
  readonly json?: true;
  readonly reason?: DeadLetterReason;
}

/** `dead-letters`: lists what was rejected or came too late. */
export function addDeadLettersCommand(program: Command, run: RunCommand): void {
  program
    .command('dead-letters')
    .description('list the clicks that were rejected or came too late, and why')
    .option('--json', 'one JSON object a line, the click whole')
    .addOption(new Option('--reason <reason>', 'only those of this reason').choices(DEAD_LETTER_REASONS))
    .addHelpText(
      'after',
      `
Lists all that there is when it begins, oldest first, and ends. How many there are of each reason is the last line on
standard error. producer replay --dead-letters sends rejected ones again.
Exit code 0 when it is done or stopped; 1 for a wrong flag, or a Kafka that is not reached, refuses, or is gone for a minute.

Examples:
  $ results-consumer dead-letters
  2026-03-22T12:38:31.123Z malformed user_clickstream [2] @ 17: unknown-form: …: "hello"
  $ results-consumer dead-letters --reason late --json | head -n 1`,
    )
    .action((flags: DeadLettersFlags) => run((context) => deadLetters(flags, context)));
}

async function deadLetters(flags: DeadLettersFlags, context: AppContext): Promise<number> {
  const config = readConfig(context.environment);
  const log = createLogger('results-consumer', config, context.stderr.isTTY === true);
  const specs = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...config });
  const topic = config.DEAD_LETTER_TOPIC;
  const style = createTerminalStyle(context.stdout);
  const tally = new ReasonTally<DeadLetterReason | 'unreadable'>('dead letter');

  const render = (record: RecordCursor, partition: number): string | undefined => {
    const [key, value] = [record.key(), record.value()];
    const decoded = decodeDeadLetter({ key, value, headers: record.headers() });
    if (decoded.status === 'malformed') {
      if (flags.reason !== undefined) return undefined;
      tally.add('unreadable');
      const malformed = describeMalformed(decoded, topic, partition, record.offset, value);
      return flags.json ? jsonLine({ malformed }) : malformedLine(malformed, style);
    }
    const letter = decoded.value;
    if (flags.reason !== undefined && letter.reason !== flags.reason) return undefined;
    tally.add(letter.reason);
    return flags.json
      ? jsonLine(describeDeadLetter(letter, record.timestampMs))
      : deadLetterLine(letter, record.timestampMs, style);
  };

  await showTopic({
    context,
    config,
    log,
    // The click topic decides how many partitions this one gets.
    topics: [specs.CLICKSTREAM_TOPIC, specs.DEAD_LETTER_TOPIC],
    topic,
    beginning: {},
    endsWithPast: true,
    render,
  });
  // Of a list that was cut short it would be wrong.
  if (!context.signal.aborted) context.stderr.write(`${tally.summary()}\n`);
  return 0;
}
