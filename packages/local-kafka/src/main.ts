/** The command line of local-kafka, see README.md; the only file but guard-main.ts with side effects on import. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { dev } from './commands/dev.ts';
import { run } from './commands/run.ts';
import { start } from './commands/start.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { tool } from './commands/tool.ts';
import { wipe } from './commands/wipe.ts';
import { DEFAULT_FOLDER, DEFAULT_PORT, WORKSPACE_ROOT, type LocalFolderOptions } from './local-folder.ts';
import { LocalKafkaError } from './local-kafka-error.ts';

/** What shells answer for a command that they cannot find. */
const EXIT_COMMAND_NOT_FOUND = 127;

const announce = (line: string): void => {
  console.log(line);
};
const announceAside = (line: string): void => {
  console.error(line);
};

const port = new Option('--port <port>', 'port on 127.0.0.1').default(DEFAULT_PORT).argParser(parsePort);
const dataDir = new Option('--data-dir <folder>', 'its data and logs').default(DEFAULT_FOLDER, '.kafka/');

function parsePort(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError('a port is a whole number from 1 to 65535.');
  }
  return value;
}

const program = new Command('local-kafka')
  .description('A real Apache Kafka on this machine, for development, tests and benchmarks.')
  .enablePositionalOptions();

let exitCode = 0;

program
  .command('start')
  .description('start Kafka in the background')
  .addOption(port)
  .addOption(dataDir)
  .action(async (options: LocalFolderOptions) => {
    await start({ ...options, announce });
  });
program
  .command('stop')
  .description('stop the Kafka in the background')
  .addOption(dataDir)
  .action(async (options: LocalFolderOptions) => {
    await stop(options.dataDir, announce);
  });
program
  .command('status')
  .description('say whether Kafka runs (exit code 0) or not (1)')
  .addOption(port)
  .addOption(dataDir)
  .action(async (options: LocalFolderOptions) => {
    exitCode = await status({ ...options, announce });
  });
program
  .command('wipe')
  .description('delete the data of the local Kafka, or the named topics at TEST_KAFKA_BROKERS')
  .argument('[topic...]')
  .addOption(dataDir)
  .action(async (topics: string[], options: LocalFolderOptions) => {
    await wipe(topics, options.dataDir, announce);
  });
program
  .command('run')
  .description('run a command against a throw-away Kafka (KAFKA_BROKERS), or the one at TEST_KAFKA_BROKERS')
  .argument('<command...>')
  .passThroughOptions()
  .action(async (command: string[]) => {
    exitCode = await run(command, announceAside);
  });
program
  .command('tool')
  .description("run one of the broker's own tools: tool kafka-topics --list")
  .argument('<name>')
  .argument('[args...]')
  .helpOption(false)
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (name: string, args: string[]) => {
    exitCode = await tool(name, args);
  });
program
  .command('dev')
  .description('run a command against the development Kafka, and stop both together')
  .argument('<command...>')
  .addOption(port)
  .addOption(dataDir)
  .passThroughOptions()
  .action(async (command: string[], options: LocalFolderOptions) => {
    exitCode = await dev(command, { ...options, workspaceRoot: WORKSPACE_ROOT, announce });
  });

// Whoever read the output may be gone, which is no reason to leave processes behind.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof LocalKafkaError)) throw error;
  console.error(`local-kafka: ${error.message}`);
  exitCode = error.code === 'CLICKSTREAM_LOCAL_KAFKA_COMMAND_NOT_FOUND' ? EXIT_COMMAND_NOT_FOUND : 1;
}
// Not by itself: a broker that was asked to stop while starting is still being waited for.
process.exit(exitCode);
