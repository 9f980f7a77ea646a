import { createLogger, type AppContext } from '@clickstream/kafka-client';
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { PortTakenError, runDashboard } from '../serve/run-dashboard.ts';
import { follow } from './follow.ts';
import type { RunCommand } from './run-command.ts';

interface ServeFlags {
  readonly follow?: true;
  readonly nextPort?: true;
}

/** `serve`: the live dashboard and its HTTP API. */
export function addServeCommand(program: Command, run: RunCommand): void {
  program
    .command('serve')
    .description('serve the live dashboard and its HTTP API')
    .option('--follow', 'also print each running total as it arrives, as follow does')
    .option('--next-port', 'while the port is taken, take the next one')
    .addHelpText(
      'after',
      `
Where: DASHBOARD_PORT (3000) on LISTEN_HOST (127.0.0.1). Who may see it: everybody who can reach it, or with
DASHBOARD_TOKEN who knows that; open http://localhost:3000/?token=… once, or send "Authorization: Bearer …".
Goes on until it is stopped (Ctrl-C), which is exit code 0. A taken port is exit code 1.

Examples:
  $ results-consumer serve
  ready: dashboard at http://localhost:3000
  $ DASHBOARD_PORT=8080 results-consumer serve --follow
  $ curl -s 'http://localhost:3000/api/users?top=5'
  $ curl -sN http://localhost:3000/api/stream`,
    )
    .action((flags: ServeFlags) => run((context) => serve(flags, context)));
}

async function serve(flags: ServeFlags, context: AppContext): Promise<number> {
  const config = readConfig(context.environment);
  const log = createLogger('results-consumer', config, context.stderr.isTTY === true);
  const dashboard = runDashboard({
    config,
    log,
    signal: context.signal,
    takesNextPort: flags.nextPort === true,
    onReady: (address) => {
      context.stderr.write(`ready: dashboard at ${address}\n`);
    },
  });
  try {
    await Promise.all([dashboard, flags.follow && follow({}, context)]);
    return 0;
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error;
    context.stderr.write(`error: ${error.message}\n`);
    return 1;
  }
}
