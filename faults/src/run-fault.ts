import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Broker, KafkaProxy } from '@clickstream/local-kafka';
import {
  createClickLoad,
  createRandomSource,
  createTestTopics,
  startAggregator,
  startApp,
  untilAllRead,
  type AppName,
  type AppProcess,
  type ClickLoad,
} from '@clickstream/test-harness';
import { assertCounted } from './assert-counted.ts';
import type { Fault, FaultContext, Outcome } from './fault.ts';
import { startFaultKafka } from './fault-kafka.ts';
import {
  assertGone,
  assertNoOpenTransaction,
  assertNoProcess,
  connectionsOf,
  countSockets,
} from './left-over.ts';
import { LIVELY_ENVIRONMENT, livelyLoad } from './lively.ts';
import { printTopic } from './recount.ts';
import { stopWithin } from './stop-within.ts';
import { LimitError, withLimit } from './with-limit.ts';

/** How a fault is run. */
export interface RunOptions {
  readonly seed: number;
  readonly rounds: number;
  /** Where its logs go. */
  readonly folder: string;
  /** The broker that faults share that harm none. */
  readonly sharedBroker: () => Promise<Broker>;
  /** How long it may take to count all there is; 3 minutes, or twice a round of the fault, unless told otherwise. */
  readonly patienceMs?: number;
  /** Options of Node.js itself for each aggregator, such as one that plants a bug. */
  readonly nodeOptions?: readonly string[];
}

/** One total per click, in transactions that end in the middle of a batch. */
const EVERY = { RESULT_EMIT: 'every', COMMIT_MAX_RECORDS: '40' };
const DUMP_LIMIT_MS = 30_000;
const PATIENCE_MS = 180_000;
/** What a fault may take beyond twice what it says. */
const GRACE_MS = 300_000;
/**
 * Sockets of an app at rest, for each broker: its clients' connections, its standard error, its listener. Twice as many as it takes, since a
 * client that has had to look for its broker again may keep two connections where it had one.
 */
const MOST_SOCKETS: Readonly<Record<AppName, number>> = {
  aggregator: 16,
  producer: 8,
  'results-consumer': 16,
};
/** Signals that end an app, or tell it to end. */
const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGKILL'];
/** Longer than any broker is away. */
const MUTE_LIMIT_MS = 90_000;
const LOOK_MS = 1_000;
/** How long a fault that failed may take to notice that it is over. */
const END_LIMIT_MS = 5_000;

/** An app that a fault has started. */
interface Started {
  readonly name: AppName;
  readonly app: AppProcess;
  /** Whether the fault has told it to end, or has waited for its end. */
  isEndExpected: boolean;
}

/** Runs a fault, lets everything come to rest, and counts. Never rejects. */
export async function runFault(fault: Fault, options: RunOptions): Promise<Outcome> {
  const startedAt = performance.now();
  const { rounds, folder, seed } = options;
  const { patienceMs = Math.max(PATIENCE_MS, 2_000 * fault.seconds.round) } = options;
  const recoveriesMs: number[] = [];
  const facts: string[] = [];
  const sums = { clicks: 0, lost: 0, doubled: 0 };
  const tidyUps: (() => Promise<void>)[] = [];
  const started: Started[] = [];
  mkdirSync(folder, { recursive: true });
  const note = (line: string) => {
    appendFileSync(join(folder, 'fault.log'), `${new Date().toISOString()} ${line}\n`);
  };
  let failure: Outcome['failure'];
  /** Keeps what the topics of a failed fault hold; nothing before there are any. */
  let dump: () => Promise<void> = () => Promise.resolve();
  const writing = new Set<() => Promise<void>>();
  const stopWriting = async () => {
    const stops = [...writing];
    writing.clear();
    await Promise.all(stops.map((stop) => stop()));
  };
  const over = new AbortController();
  const { signal } = over;
  const limitMs = 2_000 * (fault.seconds.fixed + rounds * fault.seconds.round) + GRACE_MS;
  const limit = setTimeout(() => {
    over.abort(new Error(`not done after ${Math.round(limitMs / 1000)} s`));
  }, limitMs);
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
  ended.catch(() => undefined);
  const running = breakAndCount();
  try {
    await Promise.race([ended, running]);
  } catch (error) {
    over.abort(error);
    const finding = error instanceof Error ? error.message : String(error);
    note(error instanceof Error ? (error.stack ?? error.message) : finding);
    failure = { finding, folder };
    for (const { app } of started) app.kill('SIGKILL');
    await withLimit(dump(), DUMP_LIMIT_MS, 'no quiet').catch((dumpError: unknown) => {
      note(`the topics cannot be kept: ${String(dumpError)}`);
    });
  } finally {
    clearTimeout(limit);
  }
  for (const [index, { app }] of started.entries())
    writeFileSync(join(folder, `process-${index + 1}.log`), app.stderr);
  for (const tidyUp of tidyUps.toReversed())
    await tidyUp().catch((error: unknown) => {
      note(`tidying up: ${String(error)}`);
    });
  await withLimit(running, END_LIMIT_MS, 'the fault did not end').catch((error: unknown) => {
    if (error instanceof LimitError) note(error.message);
  });
  return {
    fault,
    rounds,
    ...sums,
    recoveriesMs,
    facts,
    seconds: (performance.now() - startedAt) / 1000,
    ...(failure && { failure }),
  };

  async function breakAndCount(): Promise<void> {
    const kafka = await startFaultKafka(fault.kafka, options.sharedBroker);
    tidyUps.push(kafka.stop);
    const topics = await createTestTopics({
      brokers: kafka.direct,
      totalsPrefix: `totals-${fault.name}-`,
      atEnd: (tidyUp) => tidyUps.push(tidyUp),
      partitions: fault.partitions ?? 4,
    });
    dump = async () => {
      await stopWriting();
      for (const topic of [topics.clicks, topics.totals, topics.deadLetters, topics.checkpoint])
        try {
          for await (const record of printTopic(topics, topic))
            appendFileSync(join(folder, `${topic}.ndjson`), `${JSON.stringify(record)}\n`);
        } catch (error) {
          note(`${topic} cannot be kept: ${String(error)}`);
        }
    };
    const randomOf = (purpose: string) => createRandomSource(seed, purpose);
    const isLively = fault.pace !== 'plain';
    const load = createClickLoad(topics, randomOf('load'), { ...(isLively && livelyLoad()), ...fault.load });
    /** What is written at once and then no more is not repeated while it is new. */
    let isLongLoad = false;
    const findings: string[] = [];
    const watch = watchOver(load, kafka.proxies);
    tidyUps.push(() => {
      clearInterval(watch);
      return Promise.resolve();
    });
    const manifests: { file: string; clicks: number }[] = [];
    const environment = {
      ...topics.environment,
      KAFKA_BROKERS: kafka.proxied,
      ...(isLively && LIVELY_ENVIRONMENT),
      ...(fault.emit !== 'coalesced' && EVERY),
      ...fault.environment,
    };
    const atEnd = topics.atEnd;
    const originals = new Map<AppProcess, AppProcess>();
    const keep = (name: AppName, app: AppProcess): AppProcess => {
      const one: Started = { name, app, isEndExpected: false };
      started.push(one);
      note(`process ${started.length} has the id ${app.pid}`);
      const watched = Object.create(app, {
        kill: {
          value: (signal: NodeJS.Signals) => {
            one.isEndExpected ||= ENDING.includes(signal);
            app.kill(signal);
          },
        },
        ended: {
          get: () => {
            one.isEndExpected = true;
            return app.ended;
          },
        },
      }) as AppProcess;
      originals.set(watched, app);
      return watched;
    };
    const context: FaultContext = {
      rounds,
      random: randomOf('fault'),
      randomOf,
      folder,
      topics,
      load,
      signal,
      get broker() {
        assert(kafka.own, 'this fault has no broker of its own');
        return kafka.own;
      },
      get cluster() {
        assert(kafka.cluster, 'this fault has no proxies');
        return kafka.cluster;
      },
      get proxy() {
        const [node] = context.cluster.nodes;
        assert(node);
        return node.proxy;
      },
      pause: (ms) => delay(ms, undefined, { signal }),
      startAggregator: ({ nodeOptions = [], ...rest } = {}) => {
        signal.throwIfAborted();
        return keep(
          'aggregator',
          startAggregator(
            { environment, atEnd },
            { ...rest, nodeOptions: [...nodeOptions, ...(options.nodeOptions ?? [])] },
          ),
        );
      },
      startApp: (name, args, extra = {}) => {
        signal.throwIfAborted();
        return keep(name, startApp(name, { args, environment: { ...environment, ...extra }, atEnd }));
      },
      keepWriting: (perSecond) => {
        signal.throwIfAborted();
        isLongLoad = true;
        const stop = load.keepWriting(perSecond);
        writing.add(stop);
        return async () => {
          writing.delete(stop);
          await stop();
        };
      },
      recover: async (by, records = load.written) => {
        signal.throwIfAborted();
        const from = performance.now();
        // Whose end would be a finding.
        const original = by && (originals.get(by) ?? by);
        await patiently(untilAllRead(topics, records, original, { atLeast: true }));
        recoveriesMs.push(performance.now() - from);
        note(`recovered after ${Math.round(performance.now() - from)} ms`);
      },
      expectManifest: (file, clicks) => {
        manifests.push({ file, clicks });
      },
      note,
      report: (fact) => {
        facts.push(fact);
      },
    };
    await fault.run(context).catch((error: unknown) => {
      // What was not read in time is to be counted.
      if (findings.length === 0) throw error;
    });

    note('quiet');
    await stopWriting();
    const isRunning = () => started.some(({ app }) => !app.hasEnded);
    if (fault.ends === 'refused') assert(!isRunning(), 'processes that should have refused run');
    else if (!isRunning()) await context.startAggregator().ready();
    await assertCounted({
      fault,
      topics,
      load,
      manifests,
      findings,
      sums,
      isLongLoad,
      patienceMs,
      patiently,
      report: context.report,
    });
    for (const [index, { app, isEndExpected }] of started.entries())
      assert(
        !app.hasEnded || isEndExpected,
        `process ${index + 1} ended by itself:\n${app.stderr.slice(-1_000)}`,
      );
    const running = started.filter(({ app }) => !app.hasEnded);
    const connections = running.flatMap(({ app }) => connectionsOf(app.pid, kafka.ports));
    for (const { name, app } of running) {
      const [sockets, most] = [countSockets(app.pid) ?? 0, MOST_SOCKETS[name] * kafka.ports.length];
      note(`${name} ${app.pid} has ${sockets} sockets`);
      assert(
        sockets <= most,
        `${name} ${app.pid} has ${sockets} sockets at rest, and ${most} at most are right`,
      );
    }
    for (const { app } of running) await stopWithin(app);
    await assertGone(connections);
    await assertNoOpenTransaction(kafka.direct, topics.applicationId);
    // Before the tidying up kills what is left.
    assertNoProcess(topics.applicationId, [topics.id]);
    for (const tidyUp of tidyUps.splice(1)) await tidyUp();
    await kafka.assertNobodyConnected();
    await kafka.stop();
    assertNoProcess(topics.applicationId, [topics.id, ...kafka.traces]);

    /** Waits for what is to be read; what takes too long is a finding, for which it is counted what is missing. */
    async function patiently<Result>(work: Promise<Result>): Promise<Result> {
      try {
        return await withLimit(work, patienceMs, 'not everything was read');
      } catch (error) {
        if (error instanceof LimitError) findings.push(error.message);
        throw error;
      }
    }
  }

  /** Ends the fault when a load that is to be written all the time has stood still for long, or a proxy's rule has thrown. */
  function watchOver(load: ClickLoad, proxies: readonly KafkaProxy[]): NodeJS.Timeout {
    let [written, since] = [load.written, performance.now()];
    return setInterval(() => {
      const thrown = proxies.find(({ ruleError }) => ruleError)?.ruleError;
      if (thrown) over.abort(thrown);
      if (load.written !== written || writing.size === 0)
        [written, since] = [load.written, performance.now()];
      else if (performance.now() - since > MUTE_LIMIT_MS)
        over.abort(new Error(`nothing could be written for ${MUTE_LIMIT_MS / 1000} s`));
    }, LOOK_MS);
  }
}
