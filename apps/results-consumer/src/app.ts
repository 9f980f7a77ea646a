import type { AppContext } from '@clickstream/kafka-client';
import { printable } from '@clickstream/schema';
import { Command, CommanderError } from 'commander';
import { addClicksCommand } from './commands/clicks.ts';
import { addDeadLettersCommand } from './commands/dead-letters.ts';
import { addFollowCommand } from './commands/follow.ts';
import type { RunCommand } from './commands/run-command.ts';
import { addServeCommand } from './commands/serve.ts';
import { addTopCommand } from './commands/top.ts';
import { addVerifyCommand } from './commands/verify.ts';

/** The results consumer: runs the command that its arguments name. Resolves to the exit code. */
export async function app(context: AppContext): Promise<number> {
  const { args, signal } = context;
  let exitCode = 0;
  const run: RunCommand = async (command, exitCodeIfStopped = () => 0) => {
    exitCode = await Promise.race([command(context), untilAborted(signal).then(exitCodeIfStopped)]);
  };
  const program = createProgram(context);
  addFollowCommand(program, run);
  addClicksCommand(program, run);
  addTopCommand(program, run);
  addServeCommand(program, run);
  addDeadLettersCommand(program, run);
  addVerifyCommand(program, run);
  try {
    refuseUnknownCommand(program, args);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
}

function createProgram({ stdout, stderr }: AppContext): Command {
  return new Command('results-consumer')
    .description(
      'Shows what the click pipeline counts, and the clicks themselves, as they arrive, in the terminal and in a browser; lists rejected ones; proves the totals.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // commander puts its suggestion on a second line.
      outputError: (text, write) => {
        write(`${printable(text.trim().replaceAll(/\s*\n\s*/g, ' '))}\n`);
      },
    })
    .addHelpText(
      'after',
      `
Without a command, follow is run. Which Kafka and which topics: environment variables, see README.md.

Examples:
  $ results-consumer                          every result from now on
  $ results-consumer follow --user 42 --json  one user's results as JSON, one a line
  $ results-consumer clicks --page /page3     the clicks on a page
  $ results-consumer top                      the busiest users and pages, redrawn in place
  $ results-consumer serve                    the live dashboard and its HTTP API
  $ results-consumer dead-letters             what was rejected or came too late, and why
  $ results-consumer verify                   whether every result is exact
  $ results-consumer help follow              all about a command`,
    );
}

/** The default command takes any first word for its own, and would complain of an argument too many. */
function refuseUnknownCommand(program: Command, [first]: readonly string[]): void {
  if (first === undefined || first.startsWith('-')) return;
  const known = [...program.commands.map((command) => command.name()), 'help'];
  if (!known.includes(first))
    program.error(`error: unknown command '${first}': there are ${known.join(', ')}`);
}

/**
 * Resolves once the signal aborts. Nothing that a command leaves behind needs tidying up, so a broker
 * that does not answer must not keep Ctrl-C waiting.
 */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      resolve();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
