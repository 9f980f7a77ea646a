/** The guard process, see guard.ts: waits for the end of its standard input and ends what is left. */
import { createInterface } from 'node:readline';
import type { GuardOrder } from './guard.ts';
import { endWard, type Ward } from './ward.ts';

// It belongs to no terminal and ends when its owner does, not when somebody signals a whole group or session.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const wards = new Map<number, Ward>();
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as GuardOrder;
  if (order.action === 'watch') wards.set(order.id, order.ward);
  else wards.delete(order.id);
}

const left = [...wards.values()];
// Apps before the brokers that they talk to.
await Promise.all(left.filter(({ kind }) => kind === 'session').map(endWard));
await Promise.all(left.filter(({ kind }) => kind !== 'session').map(endWard));
