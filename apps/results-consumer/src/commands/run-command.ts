import type { AppContext } from '@clickstream/kafka-client';

/**
 * Runs what a command does until it is done or the process is told to stop; its result is the exit code.
 *
 * @param exitCodeIfStopped asked when the process is told to stop; by default the code is 0.
 */
export type RunCommand = (
  command: (context: AppContext) => Promise<number>,
  exitCodeIfStopped?: () => number,
) => Promise<void>;
