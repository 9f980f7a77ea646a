import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker, type Broker } from '@clickstream/local-kafka';
import type { Fault, Outcome } from './fault.ts';
import { assertNoConnection } from './left-over.ts';
import { runFault } from './run-fault.ts';

/** How to run the suite. */
export interface SuiteOptions {
  readonly seed: number;
  /** Of each fault, instead of its own. */
  readonly rounds?: number | undefined;
  /** What all of it may take, about; fewer rounds make it fit. */
  readonly budgetSeconds?: number | undefined;
  /** Faults at the same time: most of them mostly wait. */
  readonly sideBySide?: number;
  /** Told a line about each fault. */
  readonly print: (line: string) => void;
}

/** Starting Kafka, coming to rest and counting, for a fault that needs nothing special. */
const FRAME_SECONDS = 25;

/** Runs faults side by side, those that take longest first. */
export async function runSuite(faults: readonly Fault[], options: SuiteOptions): Promise<Outcome[]> {
  const { seed, sideBySide = 3, print } = options;
  const folder = mkdtempSync(join(tmpdir(), 'clickstream-faults-'));
  const rounds = planRounds(faults, options);
  const waiting = [...faults].sort(
    (one, other) => secondsOf(other, rounds.get(other) ?? 1) - secondsOf(one, rounds.get(one) ?? 1),
  );
  let broker: Promise<Broker> | undefined;
  const outcomes: Outcome[] = [];
  const work = async () => {
    for (let fault = waiting.shift(); fault; fault = waiting.shift()) {
      const outcome = await runFault(fault, {
        seed,
        rounds: rounds.get(fault) ?? 1,
        folder: join(folder, fault.name),
        sharedBroker: () => (broker ??= startBroker({ heapMb: 512 })),
      });
      outcomes.push(outcome);
      for (const line of describe(outcome, seed)) print(line);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  if (broker) {
    const { port, pid, stop } = await broker;
    try {
      await assertNoConnection([port], [pid]);
    } finally {
      await stop();
    }
  }
  if (outcomes.every(({ failure }) => !failure)) await rm(folder, { recursive: true });
  return faults.flatMap((fault) => outcomes.filter((outcome) => outcome.fault === fault));
}

/** Rounds of each fault, so that all of them take no longer than they may. */
function planRounds(
  faults: readonly Fault[],
  { rounds, budgetSeconds, sideBySide = 3 }: SuiteOptions,
): Map<Fault, number> {
  const own = new Map(faults.map((fault) => [fault, rounds ?? fault.rounds ?? 1]));
  if (budgetSeconds === undefined) return own;
  const of = (share: number) =>
    new Map([...own].map(([fault, count]) => [fault, Math.max(1, Math.floor(count * share))]));
  for (let share = 1; share > 0; share -= 0.02) {
    const plan = of(share);
    const all = [...plan].reduce((sum, [fault, count]) => sum + secondsOf(fault, count), 0);
    if (all / sideBySide <= budgetSeconds) return plan;
  }
  return of(0);
}

function secondsOf({ seconds }: Fault, rounds: number): number {
  return FRAME_SECONDS + seconds.fixed + rounds * seconds.round;
}

function describe(outcome: Outcome, seed: number): string[] {
  const { fault, rounds, clicks, recoveriesMs, facts: reported, seconds, failure } = outcome;
  const facts = [
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'}`,
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
    `        again: pnpm test:faults --only ${fault.name} --rounds ${rounds} --seed ${seed}`,
  ];
}
