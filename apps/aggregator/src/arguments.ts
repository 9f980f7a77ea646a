import { Command, CommanderError } from 'commander';
import type { AppContext } from '@clickstream/kafka-client';

/**
 * Reads the command line, which has no options beside `--help`: the aggregator is configured by its environment.
 *
 * @returns the exit code when there is nothing more to do.
 */
export function parseArguments(
  args: readonly string[],
  stdout: AppContext['stdout'],
  stderr: AppContext['stderr'],
): number | undefined {
  const command = new Command('aggregator')
    .description(
      'Counts clicks per user and publishes running totals. Configured by its environment, see README.md.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    });
  try {
    command.parse([...args], { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
}
