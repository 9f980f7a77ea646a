import type { AppContext } from '@clickstream/kafka-client';

/** Runs what a command does until it is done or the process is told to stop; its result is the exit code. */
export type RunCommand = (command: (context: AppContext) => Promise<number>) => Promise<void>;
