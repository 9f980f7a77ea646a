import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { deploySteps } from './deploy-steps.ts';

/** A deployed app that runs. */
export interface DeployedApp {
  /**
   * Resolves once a line satisfies the condition, which sees every line of both outputs from the first one on.
   * Throws with all output if the app ends before, or after 30 s.
   */
  waitForLine: (what: string, condition: (line: string) => boolean) => Promise<void>;
  /** Waits for it to end by itself. Throws unless its exit code is 0. */
  finished: () => Promise<void>;
  /** Ends it with SIGTERM, as a container engine does. Throws unless its exit code is 0. */
  stop: () => Promise<void>;
}

const LINE_DEADLINE_MS = 30_000;
/** As long as docker-compose.yml allows after SIGTERM. */
const STOP_DEADLINE_MS = 12_000;

/**
 * Starts an app in its deployed folder, with nothing of the workspace in its environment.
 *
 * @param brokers Kafka's bootstrap list.
 * @param args what follows the image's own command.
 */
export function startDeployedApp(
  app: string,
  folder: string,
  brokers: string,
  args: readonly string[] = [],
): DeployedApp {
  // The first word is `node`, which in the image is this one.
  const command = deploySteps(app).start.slice(1);
  const child = execa(process.execPath, [...command, ...args], {
    cwd: folder,
    extendEnv: false,
    env: { NODE_ENV: 'production', KAFKA_BROKERS: brokers },
    stdin: 'ignore',
    all: true,
    reject: false,
    forceKillAfterDelay: STOP_DEADLINE_MS,
  });

  const lines: string[] = [];
  let isClosed = false;
  const changes = new EventEmitter();
  createInterface({ input: child.all })
    .on('line', (line) => {
      lines.push(line);
      changes.emit('change');
    })
    .on('close', () => {
      isClosed = true;
      changes.emit('change');
    });
  const failure = (problem: string): Error =>
    new Error(`${app} ${problem}. Its output:\n${lines.map((line) => `    ${line}`).join('\n')}`);

  const finished = async (): Promise<void> => {
    const { exitCode, signal } = await child;
    if (exitCode !== 0) throw failure(`ended with ${signal ?? `exit code ${exitCode ?? '?'}`}`);
  };
  return {
    waitForLine: async (what, condition) => {
      const deadline = AbortSignal.timeout(LINE_DEADLINE_MS);
      for (let next = 0; ; next++) {
        while (next >= lines.length) {
          if (isClosed) throw failure(`ended before ${what}`);
          await once(changes, 'change', { signal: deadline }).catch(() => {
            throw failure(`did not get to ${what} within ${LINE_DEADLINE_MS / 1000} s`);
          });
        }
        if (condition(lines[next] ?? '')) return;
      }
    },
    finished,
    stop: async () => {
      child.kill('SIGTERM');
      await finished();
    },
  };
}
