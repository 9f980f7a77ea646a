import type { AppContext } from '@clickstream/kafka-client';
import { printable } from '@clickstream/schema';
import { Command, CommanderError } from 'commander';

/** The command line, read: what to run with, or the exit code when there is nothing more to do. */
export type Arguments =
  { readonly acceptLoss: boolean; readonly leave: boolean } | { readonly exitCode: number };

/** Reads the command line; help goes to `stdout`, an error as one line to `stderr`. What the aggregator counts, and how, is configured by its environment. */
export function parseArguments(
  args: readonly string[],
  stdout: AppContext['stdout'],
  stderr: AppContext['stderr'],
): Arguments {
  const command = new Command('aggregator')
    .description(
      'Counts clicks per user and publishes running totals. Configured by its environment, see README.md.',
    )
    .option(
      '--accept-loss',
      'go on where the input lost clicks that were not counted, or was made anew',
      false,
    )
    .option('--leave', 'give up the seat when stopped, although INSTANCE_ID is set', false)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // commander puts its suggestion on a second line.
      outputError: (text, write) => {
        write(`${printable(text.trim().replaceAll(/\s*\n\s*/g, ' '))}\n`);
      },
    });
  try {
    command.parse([...args], { from: 'user' });
    return command.opts<{ acceptLoss: boolean; leave: boolean }>();
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode };
    throw error;
  }
}
