import { InvalidArgumentError, type Command } from 'commander';
import { parseDuration } from '../core/duration.ts';
import type { Beginning } from '../io/follow-topic.ts';

const LAST_MAX = 100_000;

/** The flags of every command that shows a topic. */
export interface TopicFlags {
  readonly json?: true;
  readonly user?: readonly string[];
  readonly page?: readonly string[];
  /** ms */
  readonly since?: number;
  readonly last?: number;
}

/** Gives a command the flags of {@link TopicFlags}, `noun` being what it shows and `ofPage` which of them a page has. */
export function addTopicFlags(command: Command, noun: string, ofPage: string): Command {
  return command
    .option('--json', 'one JSON object a line')
    .option('--user <id>', `only ${noun} of this user; may be given several times`, collect)
    .option(
      '--page <path>',
      `only ${noun} ${ofPage} this page: the path, whole, without query string; may be given several times`,
      collect,
    )
    .option(
      '--since <duration>',
      `begin with the ${noun} of the past 90s, 5m, 2h, 1d, by Kafka's timestamp`,
      asArgument(parseDuration),
    )
    .option('--last <n>', `begin with the newest n ${noun}, then go on`, asArgument(parseCount));
}

/** Collects a flag that may be given several times. */
function collect(value: string, earlier: readonly string[] = []): string[] {
  if (value === '') throw new InvalidArgumentError('It is empty.');
  return [...earlier, value];
}

/**
 * Where the flags say to begin. Without any, with the start of this process and not with the end of the topic as it
 * is found: an app that was started at the same time may write its first results while this one connects.
 */
export function beginningOf({ since, last }: TopicFlags, startedAtMs: number): Beginning {
  if (last === undefined) return { fromTimestampMs: Math.max(0, startedAtMs - (since ?? 0)) };
  return since === undefined ? { last } : { last, fromTimestampMs: Math.max(0, startedAtMs - since) };
}

function asArgument<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

function parseCount(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > LAST_MAX) throw new RangeError(`It must be a whole number from 1 to ${LAST_MAX}.`);
  return count;
}
