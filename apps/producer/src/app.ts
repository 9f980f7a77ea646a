import { KafkaClientError, parseEnvironment, type AppContext } from '@clickstream/kafka-client';
import { parseCommandLine } from './command-line.ts';
import { environmentSchema } from './config.ts';
import { ProducerError } from './producer-error.ts';
import { replay } from './replay.ts';
import { simulate } from './simulate.ts';

/**
 * The producer: publishes simulated or recorded clicks.
 *
 * @returns the exit code: 0 if every click was acknowledged, 1 otherwise and for a wrong command line.
 * @throws KafkaClientError for wrong configuration and when Kafka cannot be reached.
 */
export async function app(context: AppContext): Promise<number> {
  const commandLine = parseCommandLine(context.args, context);
  if (commandLine.command === 'exit') return commandLine.exitCode;
  const config = parseEnvironment(environmentSchema, context.environment);
  try {
    return commandLine.command === 'simulate'
      ? await simulate(context, config, commandLine.options)
      : await replay(context, config, commandLine.options);
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
