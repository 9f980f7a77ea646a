import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { API_KEY, findFreePort } from '@clickstream/local-kafka';
import type { AppProcess } from '@clickstream/test-harness';
import type { Fault, FaultContext } from './fault.ts';
import { countSockets } from './left-over.ts';
import { LINE_AILMENTS, withAilment, type LineAilment } from './line-ailments.ts';
import { readMetrics } from './read-metrics.ts';
import { stopWithin } from './stop-within.ts';

const LOAD_PER_SECOND = 300;
const QUIET_MS = 8_000;
const SAMPLES = 5;
const SAMPLE_MS = 1_000;
/** A client that has had to look for its broker again may keep two connections where it had one; it never has more. */
const SPARE_SOCKETS = 8;
const SPARE_HANDLES = 8;
/** What is freed when there is need, not when it could be. */
const SPARE_HEAP_MB = 60;
const SPARE_MEMORY_MB = 200;

/** What a process holds when it has nothing to do. */
interface Holdings {
  readonly sockets: number;
  readonly handles: number;
  readonly heapMb: number;
  readonly memoryMb: number;
}

interface Instance {
  readonly app: AppProcess;
  readonly healthPort: number;
}

type Disturbance = (context: FaultContext, instances: Instance[]) => Promise<void>;

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
    'an instance comes and goes',
    async ({ startAggregator }) => {
      const guest = startAggregator();
      await guest.ready();
      await delay(2_000);
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
  [
    'an instance is killed',
    async (context, instances) => {
      const index = context.random.below(instances.length);
      instances[index]?.app.kill('SIGKILL');
      await instances[index]?.app.ended;
      instances[index] = await startInstance(context);
    },
  ],
];

/**
 * Disturbances of all kinds, mixed by seed with quiet between them, for long-lived instances; in the end they must hold
 * no more memory, handles and sockets than in the beginning, each since it was started.
 */
export function createSoak(minutes: number, print: (line: string) => void): Fault {
  return {
    name: 'soak',
    title: `${minutes} minutes of everything, with quiet between`,
    kafka: { nodes: 1 },
    rounds: 1,
    seconds: { round: minutes * 60, fixed: 60 },
    async run(context) {
      const { random, pause, startApp, keepWriting, recover } = context;
      const instances = await Promise.all([startInstance(context), startInstance(context)]);
      await startApp('results-consumer', ['follow']).ready();
      await keepWritingFor(keepWriting, 5_000);
      await recover();
      const before = await Promise.all(instances.map(holdingsOf));
      print(`${'at first'.padEnd(28)} ${before.map(describe).join('   ')}`);
      const endsAt = performance.now() + minutes * 60_000;
      while (performance.now() < endsAt) {
        const [name, disturb] = DISTURBANCES[random.below(DISTURBANCES.length)] ?? [];
        if (!disturb) continue;
        const stopWriting = keepWriting(LOAD_PER_SECOND);
        await pause(random.below(2_000));
        const earlier = [...instances];
        await disturb(context, instances);
        await recover();
        await stopWriting();
        const now = await Promise.all(instances.map(holdingsOf));
        for (const [index, holdings] of now.entries())
          if (instances[index] !== earlier[index]) before[index] = holdings;
        print(`${(name ?? '').padEnd(28)} ${now.map(describe).join('   ')}`);
      }
      // The group's sessions and the sockets of what was cut are over by then.
      await pause(2 * QUIET_MS);
      for (const [index, instance] of instances.entries()) {
        const [first, last] = [before[index], await holdingsOf(instance)];
        assert.ok(first);
        print(`${'in the end'.padEnd(28)} ${describe(last)}`);
        const tooMuch = [
          last.sockets > first.sockets + SPARE_SOCKETS,
          last.handles > first.handles + SPARE_HANDLES,
          last.heapMb > first.heapMb + SPARE_HEAP_MB,
          last.memoryMb > first.memoryMb + SPARE_MEMORY_MB,
        ].includes(true);
        assert.ok(!tooMuch, `an instance held ${describe(first)} and holds ${describe(last)}`);
      }
    },
  };
}

async function startInstance({ startAggregator }: FaultContext): Promise<Instance> {
  const healthPort = await findFreePort();
  const app = startAggregator({ environment: { HEALTH_PORT: String(healthPort) } });
  await app.ready();
  return { app, healthPort };
}

/** The least of several samples, since garbage is collected when it suits. */
async function holdingsOf({ app, healthPort }: Instance): Promise<Holdings> {
  await delay(QUIET_MS);
  const samples: Holdings[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    await delay(SAMPLE_MS);
    const read = async (name: string) =>
      [...(await readMetrics(healthPort, name)).values()].reduce((sum, value) => sum + value, 0);
    samples.push({
      sockets: countSockets(app.pid) ?? 0,
      handles: await read('nodejs_active_handles_total'),
      heapMb: Math.round((await read('nodejs_heap_size_used_bytes')) / 1e6),
      memoryMb: Math.round((await read('process_resident_memory_bytes')) / 1e6),
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
