import { createLogger, type AppContext, type RecordCursor } from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  decodeRunningTotal,
  DEFAULT_TOPIC_NAMES,
  type MalformedReason,
} from '@clickstream/schema';
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { GrowingColumn } from '../core/growing-column.ts';
import { jsonLine } from '../core/json-line.ts';
import { ReasonTally } from '../core/reason-tally.ts';
import { createPageFilter, createUserFilter } from '../core/record-filter.ts';
import { totalLine } from '../core/total-line.ts';
import { showTopic } from '../io/show-topic.ts';
import { createTerminalStyle } from '../io/terminal-style.ts';
import type { RunCommand } from './run-command.ts';
import { addTopicFlags, beginningOf, type TopicFlags } from './topic-flags.ts';

const USER_COLUMNS = 24;
const COUNT_COLUMNS = 10;

/** `follow`: prints each running total as it arrives. */
export function addFollowCommand(program: Command, run: RunCommand): void {
  const command = program
    .command('follow', { isDefault: true })
    .description('print each running total as it arrives (the default command)');
  addTopicFlags(command, 'results', 'whose last click was on')
    .addHelpText(
      'after',
      `
Goes on until it is stopped (Ctrl-C) or nobody reads its output any more; both are exit code 0. A wrong flag is 1, as is a
Kafka that is not reached, refuses, or is gone for a minute.

Examples:
  $ results-consumer follow
  User 42 has clicked 17 times.
  $ results-consumer follow --json | head -n 1
  {"userId":"42","clicks":17,"lastClickAt":1711111111123,"lastUrl":"/page3"}
  $ results-consumer follow --user 42 --user 43 --since 5m
  $ results-consumer follow --page /page3 --last 10`,
    )
    .action((flags: TopicFlags) => run((context) => follow(flags, context)));
}

/** Prints the totals until the process is told to stop. Resolves to the exit code. */
export async function follow(flags: TopicFlags, context: AppContext): Promise<number> {
  const config = readConfig(context.environment);
  const log = createLogger('results-consumer', config, context.stderr.isTTY === true);
  const topics = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...config });
  const topic = config.USER_CLICK_AGGREGATION_TOPIC;
  const style = createTerminalStyle(context.stdout);
  // Elsewhere a line is exactly its sentence, for programs to read.
  const columns =
    context.stdout.isTTY === true
      ? { user: new GrowingColumn(USER_COLUMNS), count: new GrowingColumn(COUNT_COLUMNS) }
      : undefined;
  const isWantedUser = createUserFilter(flags.user);
  const isWantedPage = createPageFilter(flags.page);
  const unreadable = new ReasonTally<MalformedReason>('record');

  const render = (record: RecordCursor, partition: number): string | undefined => {
    if (record.valueStart < 0) return undefined; // a tombstone
    const decoded = decodeRunningTotal(record.key(), record.value(), (name) => record.header(name));
    if (decoded.status === 'malformed') {
      if (unreadable.add(decoded.reason))
        log.warn(
          `not a running total, passed over: ${topic} [${partition}] @ ${record.offset}: ${decoded.reason}, ${decoded.detail}; further ones for this reason are only counted`,
        );
      return undefined;
    }
    const total = decoded.value;
    if (!isWantedUser(total.userId) || !isWantedPage(total.lastUrl)) return undefined;
    return flags.json ? jsonLine(total) : totalLine(total, style, columns);
  };

  try {
    await showTopic({
      context,
      config,
      log,
      // The click topic decides how many partitions this one gets.
      topics: [topics.CLICKSTREAM_TOPIC, topics.USER_CLICK_AGGREGATION_TOPIC],
      topic,
      beginning: beginningOf(flags, Math.floor(performance.timeOrigin)),
      render,
    });
  } finally {
    if (unreadable.count > 0) log.warn(`passed over ${unreadable.summary()}`);
  }
  return 0;
}
