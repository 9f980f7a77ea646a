import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startBroker, startCluster, type Broker, type Cluster } from '@clickstream/local-kafka';
import {
  assertVerified,
  createClickLoad,
  createRandomSource,
  createTestTopics,
  startAggregator,
  startApp,
  sumOfBooks,
  untilAllRead,
  type AppProcess,
} from '@clickstream/test-harness';
import type { Fault, FaultContext, Outcome } from './fault.ts';
import { assertNoConnection, assertNoOpenTransaction } from './left-over.ts';
import { countInput, printTopic, readTotals } from './recount.ts';

/** How a fault is run. */
export interface RunOptions {
  readonly seed: number;
  readonly rounds: number;
  /** Where its logs go. */
  readonly folder: string;
  /** The broker that faults share that harm none. */
  readonly sharedBroker: () => Promise<Broker>;
}

/** One total per click, in transactions that end in the middle of a batch. */
const EVERY = { RESULT_EMIT: 'every', COMMIT_MAX_RECORDS: '20' };
const STOP_DEADLINE_MS = 10_000;
const DUMP_LIMIT_MS = 30_000;
const QUIET_LIMIT_MS = 120_000;
/** What a fault may take beyond twice what it says. */
const GRACE_MS = 300_000;

/** Runs a fault, lets everything come to rest, and counts. Never rejects. */
export async function runFault(fault: Fault, options: RunOptions): Promise<Outcome> {
  const startedAt = performance.now();
  const { rounds, folder, seed } = options;
  const recoveriesMs: number[] = [];
  const facts: string[] = [];
  const sums = { clicks: 0, lost: 0, doubled: 0 };
  const tidyUps: (() => Promise<void>)[] = [];
  const processes: AppProcess[] = [];
  mkdirSync(folder, { recursive: true });
  const note = (line: string) => {
    appendFileSync(join(folder, 'fault.log'), `${new Date().toISOString()} ${line}\n`);
  };
  let failure: Outcome['failure'];
  /** Keeps what the topics of a failed fault hold; nothing before there are any. */
  let dump: () => Promise<void> = () => Promise.resolve();
  const writing = new Set<() => Promise<void>>();
  const stopWriting = async () => {
    await Promise.all([...writing].map((stop) => stop()));
  };
  try {
    const limitMs = 2_000 * (fault.seconds.fixed + rounds * fault.seconds.round) + GRACE_MS;
    const signal = AbortSignal.timeout(limitMs);
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error(`not done after ${Math.round(limitMs / 1000)} s`));
      });
    });
    late.catch(() => undefined);
    await Promise.race([late, breakAndCount(signal)]);
  } catch (error) {
    const finding = error instanceof Error ? error.message : String(error);
    note(error instanceof Error ? (error.stack ?? error.message) : finding);
    failure = { finding, folder };
    for (const app of processes) app.kill('SIGKILL');
    await withLimit(dump(), DUMP_LIMIT_MS, 'no quiet').catch((dumpError: unknown) => {
      note(`the topics cannot be kept: ${String(dumpError)}`);
    });
  }
  for (const [index, { stderr }] of processes.entries())
    writeFileSync(join(folder, `process-${index + 1}.log`), stderr);
  for (const tidyUp of tidyUps.toReversed())
    await tidyUp().catch((error: unknown) => {
      note(`tidying up: ${String(error)}`);
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

  async function breakAndCount(signal: AbortSignal): Promise<void> {
    const kafka = await startKafka();
    const topics = await createTestTopics({
      brokers: kafka.direct,
      totalsPrefix: `totals-${fault.name}-`,
      atEnd: (tidyUp) => tidyUps.push(tidyUp),
      partitions: fault.partitions ?? 4,
    });
    dump = async () => {
      await stopWriting();
      for (const topic of [topics.clicks, topics.totals, topics.deadLetters, topics.checkpoint])
        for await (const record of printTopic(kafka.direct, topic, () => true))
          appendFileSync(join(folder, `${topic}.ndjson`), `${JSON.stringify(record)}\n`);
    };
    const random = createRandomSource(seed);
    const load = createClickLoad(topics, random, fault.load);
    const manifests: { file: string; clicks: number }[] = [];
    const environment = { ...topics.environment, KAFKA_BROKERS: kafka.proxied };
    const atEnd = topics.atEnd;
    const keep = (app: AppProcess): AppProcess => {
      processes.push(app);
      note(`process ${processes.length} has the id ${app.pid}`);
      return app;
    };
    const context: FaultContext = {
      rounds,
      random,
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
      startAggregator: ({ environment: extra, ...rest } = {}) =>
        keep(
          startAggregator(
            { environment, atEnd },
            { ...rest, environment: { ...(fault.emit !== 'coalesced' && EVERY), ...extra } },
          ),
        ),
      startApp: (name, args, extra = {}) =>
        keep(startApp(name, { args, environment: { ...environment, ...extra }, atEnd })),
      keepWriting: (perSecond) => {
        const stop = load.keepWriting(perSecond);
        writing.add(stop);
        return async () => {
          writing.delete(stop);
          await stop();
        };
      },
      recover: async (by) => {
        const from = performance.now();
        await untilAllRead(topics, load.written, by, { atLeast: true });
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
    await fault.run(context);

    note('quiet');
    await stopWriting();
    const running = processes.filter((app) => !app.hasEnded);
    if (fault.ends === 'refused') assert.equal(running.length, 0, 'processes that should have refused run');
    else await count();
    for (const app of processes) await stopCleanly(app);
    await assertNoOpenTransaction(kafka.direct, topics.applicationId);
    for (const tidyUp of tidyUps.splice(kafka.tidyUps)) await tidyUp();
    if (kafka.own)
      await assertNoConnection(
        kafka.nodes.map(({ port }) => port),
        kafka.nodes.map(({ pid }) => pid),
      );

    async function count(): Promise<void> {
      if (!processes.some((app) => !app.hasEnded)) await context.startAggregator().ready();
      const quiet = <Result>(work: Promise<Result>) =>
        withLimit(work, QUIET_LIMIT_MS, 'not everything was read');
      const fromManifests = manifests.reduce((sum, { clicks }) => sum + clicks, 0);
      await quiet(untilAllRead(topics, load.written + fromManifests, undefined, { atLeast: true }));
      // One after the other: three tools at once are slower on two cores.
      const input =
        (fault.isInputUnprintable ?? fault.isLossAccepted)
          ? { records: load.written, malformed: load.malformed, clicks: load.answer }
          : await countInput(kafka.direct, topics.clicks, load.written + fromManifests);
      const books = await quiet(untilAllRead(topics, input.records));
      const result = await readTotals(kafka.direct, topics.totals, fault.emit ?? 'every', input.clicks);
      sums.clicks = [...input.clicks.values()].reduce((sum, clicks) => sum + clicks, 0);
      const findings = [...result.findings];
      for (const userId of new Set([
        ...input.clicks.keys(),
        ...result.totals.keys(),
        ...load.answer.keys(),
      ])) {
        const [clicks, total] = [input.clicks.get(userId) ?? 0, result.totals.get(userId) ?? 0];
        sums.lost += Math.max(0, clicks - total);
        sums.doubled += Math.max(0, total - clicks);
        if (clicks !== total) findings.push(`${userId} has ${clicks} clicks and a total of ${total}`);
        if (manifests.length > 0) continue;
        const sure = load.answer.get(userId) ?? 0;
        const most = sure + (load.uncertain.clicks.get(userId) ?? 0);
        if (clicks < sure || clicks > most)
          findings.push(`${userId} has ${clicks} clicks in the log, and ${sure} to ${most} were written`);
      }
      const { read, counted, rejected, forwarded, received } = sumOfBooks(books);
      for (const book of books)
        if (
          book.read + book.received !== book.counted + book.duplicate + book.rejected + book.forwarded ||
          book.counted !== book.windowed + book.late ||
          book.counted !== book.sessioned + book.sessionLate
        )
          findings.push(`books do not balance: ${JSON.stringify(book)}`);
      if (
        read !== input.records ||
        counted !== sums.clicks ||
        rejected !== input.malformed ||
        forwarded !== received
      )
        findings.push(
          `books of ${JSON.stringify({ read, counted, rejected, forwarded, received })} for ${input.records} records of which ${input.malformed} are no clicks`,
        );
      if (findings.length > 0) throw new Error(findings.slice(0, 20).join('\n'));
      if (sums.clicks === 0) throw new Error('there was nothing to count');
      const direct = { environment: topics.environment };
      if (fault.isLossAccepted) await assert.rejects(assertVerified(direct), /^Error: verify ended with 2:/);
      else if (manifests.length === 0) await assertVerified(direct);
      for (const { file } of manifests) await assertVerified(direct, ['--manifest', file]);
    }
  }

  /** Told to stop, an app ends with 0 within 10 s; one that has ended before has its reasons, which the fault knows. */
  async function stopCleanly(app: AppProcess): Promise<void> {
    if (app.hasEnded) return;
    app.kill('SIGTERM');
    const { exitCode, stderr } = await withLimit(
      app.ended,
      STOP_DEADLINE_MS,
      `process ${app.pid} does not stop`,
    );
    assert.equal(exitCode, 0, `process ${app.pid} ended with ${String(exitCode)}:\n${stderr.slice(-2_000)}`);
  }

  async function startKafka(): Promise<{
    direct: string;
    proxied: string;
    own?: Broker;
    cluster?: Cluster;
    nodes: readonly Broker[];
    tidyUps: number;
  }> {
    const { kafka } = fault;
    if (!kafka) {
      const { brokers } = await options.sharedBroker();
      return { direct: brokers, proxied: brokers, nodes: [], tidyUps: 0 };
    }
    const { nodes: count, ...rest } = kafka;
    if (count !== undefined) {
      const cluster = await startCluster({ nodes: count, ...rest });
      tidyUps.push(cluster.stop);
      const { brokers, proxied, nodes } = cluster;
      const [own] = nodes;
      return { direct: brokers, proxied, cluster, nodes, tidyUps: 1, ...(own && { own }) };
    }
    const broker = await startBroker(rest);
    tidyUps.push(broker.stop);
    return { direct: broker.brokers, proxied: broker.brokers, own: broker, nodes: [broker], tidyUps: 1 };
  }
}

async function withLimit<Result>(work: Promise<Result>, limitMs: number, finding: string): Promise<Result> {
  const over = new AbortController();
  try {
    return await Promise.race([
      work,
      delay(limitMs, undefined, { signal: over.signal }).then(() => {
        throw new Error(`${finding} within ${limitMs / 1000} s`);
      }),
    ]);
  } finally {
    over.abort();
    work.catch(() => undefined);
  }
}
