import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { extname, join } from 'node:path';
import { environmentOutsideSession } from './session.ts';
import type { Ward } from './ward.ts';

/** What the owner tells its guard, one JSON text a line. */
export type GuardOrder =
  | { readonly action: 'watch'; readonly id: number; readonly ward: Ward }
  | { readonly action: 'release'; readonly id: number };

let guardInput: Writable | undefined;
let lastId = 0;

/**
 * Makes sure that `ward` ends if this process dies in any way, SIGKILL included: a small process of its own reads a
 * pipe from this one, whose end of file is the one thing that cannot be missed.
 * @returns a function that takes the ward out of the guard's care, to be called once it has been ended properly.
 */
export function guard(ward: Ward): () => void {
  guardInput ??= startGuard();
  const input = guardInput;
  const id = ++lastId;
  send(input, { action: 'watch', id, ward });
  return () => {
    send(input, { action: 'release', id });
  };
}

function send(input: Writable, order: GuardOrder): void {
  input.write(`${JSON.stringify(order)}\n`);
}

function startGuard(): Writable {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@clickstream/source',
      join(import.meta.dirname, `guard-main${extname(import.meta.filename)}`),
    ],
    { detached: true, env: environmentOutsideSession(), stdio: ['pipe', 'ignore', 'ignore'] },
  );
  // The guard must not keep alive what it guards.
  child.unref();
  const { stdin } = child;
  if (stdin instanceof Socket) stdin.unref();
  // Somebody killed the guard: nothing to be done about it, and no reason to fall with it.
  stdin.on('error', () => undefined);
  child.on('error', () => undefined);
  return stdin;
}
