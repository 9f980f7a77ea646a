import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { guard } from './guard.ts';
import { LocalKafkaError } from './local-kafka-error.ts';
import { endSession, SESSION_VARIABLE } from './session.ts';
import type { StopSignal } from './stop-request.ts';
import { SESSION_GRACE_MS } from './ward.ts';

/** A command and everything it starts, all of which end with this process. */
export interface OwnedCommand {
  /** Exit code of the command itself; 128 + n if signal n ended it. Never rejects. */
  readonly exitCode: Promise<number>;
  /** Passes a signal on to the command's process group. */
  forward: (signal: NodeJS.Signals) => void;
  /** Ends whatever is left of it, politely for `graceMs`. */
  end: (graceMs?: number) => Promise<void>;
}

/**
 * Starts a command in a process group of its own, marked so that all its descendants can be found again.
 * @throws LocalKafkaError `…_COMMAND_NOT_FOUND`.
 */
export async function startOwnedCommand(
  command: readonly string[],
  options: { readonly brokers: string; readonly stdin: 'inherit' | 'ignore' },
): Promise<OwnedCommand> {
  const [file = '', ...args] = command;
  const session = randomUUID();
  const release = guard({ kind: 'session', session });
  const child = spawn(file, args, {
    // A terminal's Ctrl-C then reaches only this process, which passes it on once and in order.
    detached: true,
    stdio: [options.stdin, 'inherit', 'inherit'],
    env: { ...process.env, [SESSION_VARIABLE]: session, KAFKA_BROKERS: options.brokers },
  });
  const exitCode = exitCodeOf(child);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve).once('error', (error: NodeJS.ErrnoException) => {
      release();
      reject(
        new LocalKafkaError(
          'CLICKSTREAM_LOCAL_KAFKA_COMMAND_NOT_FOUND',
          `cannot run "${file}" (${error.code ?? error.message}): is it installed and spelt right?`,
          { cause: error },
        ),
      );
    });
  });
  return {
    exitCode,
    forward: (signal) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // The whole group has gone already.
      }
    },
    end: async (graceMs = SESSION_GRACE_MS) => {
      await endSession(session, graceMs);
      release();
    },
  };
}

/**
 * Waits for the command's end; a request to stop is passed on to it once, and it may take 5 s to follow. Whatever it
 * leaves behind ends too.
 * @returns its exit code.
 */
export async function finishOwnedCommand(
  owned: OwnedCommand,
  stopRequest: Promise<StopSignal>,
): Promise<number> {
  let graceMs = SESSION_GRACE_MS;
  const signal = await Promise.race([stopRequest, owned.exitCode.then(() => undefined)]);
  if (signal !== undefined) {
    const deadline = performance.now() + SESSION_GRACE_MS;
    owned.forward(signal);
    await Promise.race([owned.exitCode, delay(SESSION_GRACE_MS)]);
    graceMs = Math.max(0, deadline - performance.now());
  }
  await owned.end(graceMs);
  return owned.exitCode;
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
