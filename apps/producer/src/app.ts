import { KafkaClientError, parseEnvironment, type AppContext } from '@clickstream/kafka-client';
import { parseCommandLine } from './command-line.ts';
import { environmentSchema } from './config.ts';
import { ProducerError } from './producer-error.ts';
import { replayDeadLetters } from './replay-dead-letters.ts';
import { replay } from './replay.ts';
import { simulate } from './simulate.ts';

/**
 * The producer: publishes simulated or recorded clicks, and rejected ones again.
 *
 * @returns the exit code: 0 if every click was acknowledged, 1 otherwise and for a wrong command line.
 * @throws KafkaClientError for wrong configuration and when Kafka cannot be reached.
 */
export async function app(context: AppContext): Promise<number> {
  const commandLine = parseCommandLine(context.args, context);
  if (commandLine.command === 'exit') return commandLine.exitCode;
  const config = parseEnvironment(environmentSchema, context.environment);
  try {
    switch (commandLine.command) {
      case 'simulate':
        return await simulate(context, config, commandLine.options);
      case 'replay':
        return await replay(context, config, commandLine.options);
      case 'replay-dead-letters':
        return await replayDeadLetters(context, config, commandLine.options);
    }
  } catch (error) {
    if (error instanceof ProducerError) {
      context.stderr.write(`${error.message}\n`);
      return 1;
    }
    // Stopped while it was still waiting for Kafka: nothing was sent, nothing is lost.
    if (error instanceof KafkaClientError && context.signal.aborted) return 0;
    throw error;
  }
}
