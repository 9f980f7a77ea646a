import { createLogger, type AppContext, type RecordCursor } from '@clickstream/kafka-client';
import { createTopicSpecs, decodeClickEvent, DEFAULT_TOPIC_NAMES } from '@clickstream/schema';
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { clickLine } from '../core/click-line.ts';
import { GrowingColumn } from '../core/growing-column.ts';
import { jsonLine } from '../core/json-line.ts';
import { describeMalformed, malformedLine } from '../core/malformed-line.ts';
import { createPageFilter, createUserFilter } from '../core/record-filter.ts';
import { showTopic } from '../io/show-topic.ts';
import { createTerminalStyle } from '../io/terminal-style.ts';
import type { RunCommand } from './run-command.ts';
import { addTopicFlags, beginningOf, type TopicFlags } from './topic-flags.ts';

const USER_COLUMNS = 24;
const URL_COLUMNS = 40;

/** `clicks`: prints raw clicks as they arrive. */
export function addClicksCommand(program: Command, run: RunCommand): void {
  const command = program.command('clicks').description('print the clicks themselves as they arrive');
  addTopicFlags(command, 'clicks', 'on')
    .addHelpText(
      'after',
      `
A record that is no click is shown as a line that says so, unless --user or --page is given.
Goes on until it is stopped (Ctrl-C) or nobody reads its output any more; both are exit code 0. A wrong flag is 1, as is a
Kafka that is not reached, refuses, or is gone for a minute.

Examples:
  $ results-consumer clicks
  User 42 clicked on /page3 at 1711111111.123
  $ results-consumer clicks --page /page3 --last 20
  $ results-consumer clicks --json --user 42 --since 1h`,
    )
    .action((flags: TopicFlags) => run((context) => clicks(flags, context)));
}

async function clicks(flags: TopicFlags, context: AppContext): Promise<number> {
  const config = readConfig(context.environment);
  const log = createLogger('results-consumer', config, context.stderr.isTTY === true);
  const topic = config.CLICKSTREAM_TOPIC;
  const style = createTerminalStyle(context.stdout);
  // Elsewhere a line is exactly its sentence, for programs to read.
  const columns =
    context.stdout.isTTY === true
      ? { user: new GrowingColumn(USER_COLUMNS), url: new GrowingColumn(URL_COLUMNS) }
      : undefined;
  const isWantedUser = createUserFilter(flags.user);
  const isWantedPage = createPageFilter(flags.page);
  // Who clicked on what is not known of a malformed record, so it passes no filter.
  const showsMalformed = flags.user === undefined && flags.page === undefined;

  const render = (record: RecordCursor, partition: number): string | undefined => {
    const value = record.value();
    const decoded = decodeClickEvent(value);
    if (decoded.status === 'malformed') {
      if (!showsMalformed) return undefined;
      const malformed = describeMalformed(decoded, topic, partition, record.offset, value);
      return flags.json ? jsonLine({ malformed }) : malformedLine(malformed, style);
    }
    const click = decoded.value;
    if (!isWantedUser(click.userId) || !isWantedPage(click.url)) return undefined;
    return flags.json ? jsonLine(click) : clickLine(click, style, columns);
  };

  await showTopic({
    context,
    config,
    log,
    topics: [createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...config }).CLICKSTREAM_TOPIC],
    topic,
    beginning: beginningOf(flags, Math.floor(performance.timeOrigin)),
    render,
  });
  return 0;
}
