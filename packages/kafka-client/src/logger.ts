import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { z } from 'zod';

export type { Logger } from 'pino';

/** The variables that every app's log obeys; spread into the app's schema. */
export const logEnvironment = {
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .describe('Least severe level that is logged: trace, debug, info, warn, error, fatal or silent'),
  LOG_FORMAT: z
    .enum(['json', 'pretty'])
    .optional()
    .describe('`json` (one object a line) or `pretty`; by default pretty on a terminal, json elsewhere'),
};

const STDERR = 2;

/**
 * A pino logger on standard error, written synchronously so that the last line before a crash is seen.
 *
 * @param name the app's name, in every line.
 */
export function createLogger(
  name: string,
  environment: { LOG_LEVEL: string; LOG_FORMAT?: 'json' | 'pretty' | undefined },
  onTerminal: boolean,
): Logger {
  const { LOG_LEVEL: level, LOG_FORMAT: format = onTerminal ? 'pretty' : 'json' } = environment;
  const destination =
    format === 'pretty'
      ? pretty({
          colorize: onTerminal,
          destination: STDERR,
          sync: true,
          ignore: 'pid,hostname,name',
          singleLine: true,
          translateTime: 'SYS:HH:MM:ss.l',
        })
      : pino.destination({ fd: STDERR, sync: true });
  return pino({ name, level }, destination);
}
