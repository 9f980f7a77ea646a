import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker, type Broker } from '@clickstream/local-kafka';
import type { Outcome } from './fault.ts';
import { assertNoChild, assertNoConnection } from './left-over.ts';
import type { Plan } from './plan-rounds.ts';
import { runFault } from './run-fault.ts';

/** How to run the suite. */
export interface SuiteOptions {
  readonly seed: number;
  /** Faults at the same time: most of them mostly wait. */
  readonly sideBySide: number;
  /** The command that repeats an outcome. */
  readonly commandOf: (outcome: Outcome) => string;
  /** Told a line about each fault. */
  readonly print: (line: string) => void;
}

/** What came out of the suite. */
export interface SuiteResult {
  /** In the order in which the faults were done. */
  readonly outcomes: readonly Outcome[];
  /** Why it failed all the same, with what is no single fault's. */
  readonly finding?: string;
}

/** Runs faults side by side, in the order of the plan. Never rejects for what a fault finds. */
export async function runSuite({ rounds }: Plan, options: SuiteOptions): Promise<SuiteResult> {
  const { seed, sideBySide, print } = options;
  const folder = mkdtempSync(join(tmpdir(), 'clickstream-faults-'));
  const waiting = [...rounds];
  let broker: Promise<Broker> | undefined;
  const outcomes: Outcome[] = [];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [fault, count] = next;
      const outcome = await runFault(fault, {
        seed,
        rounds: count,
        folder: join(folder, fault.name),
        sharedBroker: () => (broker ??= startBroker({ heapMb: 512 })),
      });
      outcomes.push(outcome);
      for (const line of describe(outcome, options)) print(line);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  const finding = await findLeftOver(broker);
  if (finding !== undefined) print(`FAILED  what faults share: ${finding}`);
  if (outcomes.every(({ failure }) => !failure)) await rm(folder, { recursive: true });
  return { outcomes, ...(finding !== undefined && { finding }) };
}

/** Ends the broker that faults share. @returns what is left: the outcomes of the faults are not to be lost with it */
async function findLeftOver(broker: Promise<Broker> | undefined): Promise<string | undefined> {
  try {
    if (broker) {
      const { port, pid, stop } = await broker;
      try {
        await assertNoConnection([port], [pid]);
      } finally {
        await stop();
      }
    }
    assertNoChild();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function describe(outcome: Outcome, { commandOf }: SuiteOptions): string[] {
  const { fault, rounds, clicks, recoveriesMs, facts: reported, seconds, failure } = outcome;
  const facts = [
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'}${failure ? ` planned, and recovered ${recoveriesMs.length} times` : ''}`,
    `${clicks.toLocaleString('en')} clicks`,
    ...(recoveriesMs.length > 0
      ? [`recovered within ${(Math.max(...recoveriesMs) / 1000).toFixed(1)} s`]
      : []),
    ...reported,
    `${seconds.toFixed(0)} s`,
  ].join(', ');
  if (!failure) return [`ok      ${fault.name}: ${facts}`];
  return [
    `FAILED  ${fault.name}: ${facts}`,
    ...failure.finding.split('\n').map((line) => `        ${line}`),
    `        kept: ${failure.folder}`,
    `        again: ${commandOf(outcome)}`,
  ];
}
