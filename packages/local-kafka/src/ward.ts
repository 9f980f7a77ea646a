import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { isAlive, signalProcess, type ProcessIdentity } from './process-table.ts';
import { endSession } from './session.ts';

/** Something that must not outlive the process that started it. */
export type Ward =
  | { readonly kind: 'session'; readonly session: string }
  | {
      readonly kind: 'process';
      readonly process: ProcessIdentity;
      /** How long it may take to end by itself after SIGTERM; 0 kills at once. */
      readonly graceMs: number;
      /** File or folder to delete with it: its temporary data, or the record that says it runs. */
      readonly removePath?: string;
    }
  | { readonly kind: 'compose'; readonly composeFile: string };

/** How long apps may take to shut down; with {@link BROKER_GRACE_MS} after it this keeps the promise of 10 s in all. */
export const SESSION_GRACE_MS = 5_000;
/** How long a broker whose data are kept may take to shut down, usually 0.3 s. */
export const BROKER_GRACE_MS = 4_000;
const POLL_MS = 50;

/** Ends one ward; what is gone already is no error. */
export async function endWard(ward: Ward): Promise<void> {
  switch (ward.kind) {
    case 'session':
      await endSession(ward.session, SESSION_GRACE_MS);
      return;
    case 'process':
      if (ward.graceMs > 0) await terminate(ward.process, ward.graceMs);
      signalProcess(ward.process, 'SIGKILL');
      if (ward.removePath !== undefined) {
        while (isAlive(ward.process)) await delay(POLL_MS);
        await rm(ward.removePath, { recursive: true, force: true });
      }
      return;
    case 'compose':
      await execa('docker', ['compose', '--file', ward.composeFile, 'stop', 'kafka'], { reject: false });
      return;
  }
}

async function terminate(identity: ProcessIdentity, graceMs: number): Promise<void> {
  signalProcess(identity, 'SIGTERM');
  signalProcess(identity, 'SIGCONT');
  const deadline = performance.now() + graceMs;
  while (isAlive(identity) && performance.now() < deadline) await delay(POLL_MS);
}
