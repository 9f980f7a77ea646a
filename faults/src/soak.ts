import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { API_KEY } from '@clickstream/local-kafka';
import type { AppProcess } from '@clickstream/test-harness';
import type { Fault, FaultContext } from './fault.ts';
import { countSockets } from './left-over.ts';
import { LINE_AILMENTS, withAilment, type LineAilment } from './line-ailments.ts';
import { openCanaries } from './open-canaries.ts';
import { stopWithin } from './stop-within.ts';

const LOAD_PER_SECOND = 300;
const QUIET_MS = 8_000;
const SAMPLES = 5;
const SAMPLE_MS = 1_000;
/** Longer than the transaction time-out of 30 s. */
const SILENT_MS = 45_000;
const HELD_MS = 20_000;
/** Larger than a dead letter may be. */
const TOO_LARGE_BYTES = 870_000;
/** A client that has had to look for its broker again may keep two connections where it had one; it never has more. */
const SPARE_SOCKETS = 8;
const SPARE_HANDLES = 8;
/** Code that was compiled since, and the ids of the last five minutes. */
const SPARE_HEAP_MB = 15;
/** What was freed, and not yet given back to the system. */
const SPARE_MEMORY_MB = 80;

const TELLING = { NODE_OPTIONS: `--import ${new URL('tell-holdings.ts', import.meta.url).href}` };

/** What a process holds when it has nothing to do, and no garbage. */
interface Holdings {
  readonly sockets: number;
  readonly handles: number;
  readonly heapMb: number;
  readonly memoryMb: number;
}

/** A process that lives as long as the soak. */
interface LongLived {
  readonly app: AppProcess;
  /** How often it has told what it holds. */
  told: number;
}

type Disturbance = (context: FaultContext) => Promise<void>;

/** What a long-lived instance has to live through, by name. */
const DISTURBANCES: readonly (readonly [name: string, disturb: Disturbance])[] = [
  ...LINE_AILMENTS.map((ailment) => [ailment.name, badLine(ailment)] as const),
  [
    'commit response lost',
    ({ proxy }) =>
      new Promise((resolve) => {
        const stop = proxy.intercept('response', ({ apiKey }) => {
          if (apiKey !== API_KEY.endTxn) return undefined;
          stop();
          resolve();
          return 'reset';
        });
      }),
  ],
  [
    'broker silent',
    async ({ broker }) => {
      broker.pause();
      await delay(6_000);
      broker.resume();
    },
  ],
  ['broker restarted', ({ broker }) => broker.restart()],
  [
    'broker killed',
    async ({ broker }) => {
      await broker.kill();
      await broker.restart();
    },
  ],
  [
    'broker silent for long',
    async ({ broker, pause }) => {
      broker.pause();
      await pause(SILENT_MS);
      broker.resume();
    },
  ],
  [
    'a commit arrives late',
    async ({ proxy, pause }) => {
      const held = await proxy.hold(({ apiKey }) => apiKey === API_KEY.endTxn);
      await pause(HELD_MS);
      await held.deliver();
    },
  ],
  ['canaries are aborted', abortCanaries],
  ['poison', writePoison],
  [
    'an instance comes and goes',
    async ({ startAggregator }) => {
      const guest = startAggregator();
      await guest.ready();
      await delay(2_000);
      await stopWithin(guest);
    },
  ],
  [
    'an instance is told to go twice',
    async ({ startAggregator }) => {
      const guest = startAggregator();
      await guest.ready();
      guest.kill('SIGTERM');
      await stopWithin(guest);
    },
  ],
  [
    'an instance comes and dies',
    async ({ startAggregator }) => {
      const guest = startAggregator();
      await guest.ready();
      await delay(2_000);
      guest.kill('SIGKILL');
      await guest.ended;
    },
  ],
];

/**
 * Disturbances of all kinds, mixed by seed with quiet between them, for instances and a results consumer that live all the time; in the
 * end they must hold no more memory, handles and sockets than in the beginning.
 */
export function createSoak(minutes: number, print: (line: string) => void): Fault {
  return {
    name: 'soak',
    title: `${minutes} minutes of everything, with quiet between`,
    kafka: { nodes: 1 },
    rounds: 1,
    // What it does takes as long as it takes; each disturbance is recovered from like any other.
    seconds: { round: 0, fixed: minutes * 60 + 60 },
    async run(context) {
      const { random, pause, startAggregator, startApp, keepWriting, recover, report } = context;
      const longLived: LongLived[] = [
        startAggregator({ environment: TELLING }),
        startAggregator({ environment: TELLING }),
        startApp('results-consumer', ['follow'], TELLING),
      ].map((app) => ({ app, told: 0 }));
      await Promise.all(longLived.map(({ app }) => app.ready()));
      await keepWritingFor(keepWriting, 5_000);
      await recover();
      const before = await Promise.all(longLived.map(holdingsOf));
      print(`${'at first'.padEnd(32)} ${before.map(describe).join('   ')}`);
      const endsAt = performance.now() + minutes * 60_000;
      let disturbances = 0;
      for (; performance.now() < endsAt; disturbances++) {
        const [name = '', disturb] = DISTURBANCES[random.below(DISTURBANCES.length)] ?? [];
        const stopWriting = keepWriting(LOAD_PER_SECOND);
        await pause(random.below(2_000));
        await disturb?.(context);
        await recover();
        await stopWriting();
        const now = await Promise.all(longLived.map(holdingsOf));
        print(`${name.padEnd(32)} ${now.map(describe).join('   ')}`);
      }
      // The group's sessions and the sockets of what was cut are over by then.
      await pause(2 * QUIET_MS);
      const after = await Promise.all(longLived.map(holdingsOf));
      print(`${'in the end'.padEnd(32)} ${after.map(describe).join('   ')}`);
      report(`${disturbances} disturbances`);
      const most = (holdings: readonly Holdings[], name: keyof Holdings) =>
        Math.max(...holdings.map((each) => each[name]));
      for (const [what, name] of [['heap', 'heapMb'] as const, ['memory', 'memoryMb'] as const])
        report(`${what} of ${most(before, name)} MB at first and ${most(after, name)} MB in the end`);
      for (const [index, first] of before.entries()) {
        const last = after[index];
        assert.ok(last);
        const tooMuch = [
          last.sockets > first.sockets + SPARE_SOCKETS,
          last.handles > first.handles + SPARE_HANDLES,
          last.heapMb > first.heapMb + SPARE_HEAP_MB,
          last.memoryMb > first.memoryMb + SPARE_MEMORY_MB,
        ].includes(true);
        assert.ok(!tooMuch, `a process held ${describe(first)} and holds ${describe(last)}`);
      }
    },
  };
}

/** The least of several samples: work may be under way in any of them. */
async function holdingsOf(process: LongLived): Promise<Holdings> {
  const { app } = process;
  await delay(QUIET_MS);
  const samples: Holdings[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    await delay(SAMPLE_MS);
    app.kill('SIGUSR2');
    const line = await app.says(new RegExp(`^holdings ${++process.told}: .*$`, 'm'));
    const { handles, heap, memory } = JSON.parse(line.slice(line.indexOf('{'))) as Record<
      'handles' | 'heap' | 'memory',
      number
    >;
    samples.push({
      sockets: countSockets(app.pid) ?? 0,
      handles,
      heapMb: Math.round(heap / 1e6),
      memoryMb: Math.round(memory / 1e6),
    });
  }
  const least = (name: keyof Holdings) => Math.min(...samples.map((sample) => sample[name]));
  return {
    sockets: least('sockets'),
    handles: least('handles'),
    heapMb: least('heapMb'),
    memoryMb: least('memoryMb'),
  };
}

function describe({ sockets, handles, heapMb, memoryMb }: Holdings): string {
  return `${sockets} sockets, ${handles} handles, heap ${heapMb} MB, memory ${memoryMb} MB`;
}

async function keepWritingFor(keepWriting: FaultContext['keepWriting'], forMs: number): Promise<void> {
  const stop = keepWriting(LOAD_PER_SECOND);
  await delay(forMs);
  await stop();
}

/** A line that is bad for some seconds. */
function badLine(ailment: LineAilment): Disturbance {
  return ({ proxy, random }) => {
    const forMs = 2_000 + random.below(6_000);
    return withAilment(ailment, proxy, () => delay(forMs));
  };
}

/** Clicks that nobody may count, open beside those that count, in both inputs of the aggregator. */
async function abortCanaries({ topics, random, pause }: FaultContext): Promise<void> {
  const aborts: (() => Promise<void>)[] = [];
  for (const topic of [topics.clicks, topics.repartition]) {
    aborts.push(await openCanaries(topics, topic, random, topic));
    await pause(random.below(2_000));
  }
  for (const abort of aborts) await abort();
}

async function writePoison({ topics, random, load }: FaultContext): Promise<void> {
  const values = [
    null,
    Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
    Buffer.from('User a clicked on /page at NaN'),
    Buffer.alloc(TOO_LARGE_BYTES, 'x'),
  ];
  for (const value of values) {
    const partition = random.below(topics.partitions);
    await load.writeMalformed({ topic: topics.clicks, key: Buffer.from('__proto__'), value, partition });
  }
}
