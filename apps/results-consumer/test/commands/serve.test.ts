import { once } from 'node:events';
import { get as httpGet } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger, createPartitionReader, type OutgoingRecord } from '@clickstream/kafka-client';
import { DEAD_LETTER_REASONS } from '@clickstream/schema';
import { describe, expect, inject, test } from 'vitest';
import { startResultsConsumer } from '../results-consumer-process.ts';
import { readSse } from '../serve/sse-reader.ts';
import { createTestTopics } from '../test-topics.ts';
import { runAbortingTask } from './aborting-task.ts';

const brokers = inject('kafkaBrokers');
const log = createLogger('test', { LOG_LEVEL: 'silent' }, false);

interface Figures {
  readonly overview?: { readonly totalClicks: number; readonly users: number };
}
const totalOf = (data: unknown) => (data as Figures).overview?.totalClicks;
const get = async (url: string) => (await fetch(url)).json();

describe('serve', () => {
  test('shows what is there, then what is committed, and prints it with --follow', async () => {
    const topics = await createTestTopics(brokers, { partitions: 2 });
    await topics.write(topics.total('before', 3), topics.total('a', 1, 'sentence'));
    const serve = startResultsConsumer(['serve', '--follow'], { ...topics.environment, DASHBOARD_PORT: '0' });
    const address = await serve.dashboard();
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    expect(await get(`${address}/api/overview`)).toMatchObject({ ready: true, totalClicks: 4, users: 2 });
    // What was there at the start says nothing about how long a click takes.
    expect(await get(`${address}/api/latency`)).toMatchObject({ updates: 0 });

    const reader = await readSse(`${address}/api/stream`);
    const clicks = await readSse(`${address}/api/clicks/stream?user=a`);
    await topics.write(topics.total('a', 2), topics.click('User a clicked on /page1 at 1.5'));
    await reader.until(({ data }) => totalOf(data) === 5);
    expect((await clicks.until(({ event }) => event === 'clicks')).data).toMatchObject({
      clicks: [{ userId: 'a', url: '/page1', timestamp: 1_500 }],
      seen: 1,
    });
    expect(await get(`${address}/api/users?top=1`)).toMatchObject({
      users: [{ userId: 'before', clicks: 3 }],
    });
    expect(await get(`${address}/api/users/a`)).toMatchObject({ clicks: 2 });
    // Nobody counts the click.
    expect(await get(`${address}/api/overview`)).toMatchObject({ lagRecords: 1, books: { balances: null } });
    expect(await serve.lines(1)).toContain('User a has clicked 2 times.');

    serve.kill('SIGTERM');
    expect(await reader.ended).toBe('ended');
    expect((await serve.ended).exitCode).toBe(0);
  });

  test('never shows anything of an aborted transaction', { timeout: 240_000 }, async ({ onTestFinished }) => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    const serve = startResultsConsumer(['serve'], { ...topics.environment, DASHBOARD_PORT: '0' });
    const address = await serve.dashboard();
    const reader = await readSse(`${address}/api/stream`);
    await topics.write(topics.click('User x clicked on /page1 at 1'));
    await runAbortingTask(topics, brokers, log, onTestFinished);
    await reader.until(({ data }) => JSON.stringify(data).includes('"userId":"committed"'));
    const late = startResultsConsumer(['serve'], { ...topics.environment, DASHBOARD_PORT: '0' });
    for (const place of [address, await late.dashboard()]) {
      await expect.poll(() => get(`${place}/api/dead-letters`)).toMatchObject({ total: 1 });
      await expect.poll(() => get(`${place}/api/books`)).toMatchObject({ counted: 1, balances: true });
      await expect.poll(() => get(`${place}/api/pages`)).toMatchObject({ pages: [{ page: '/committed' }] });
      expect(await get(`${place}/api/users`)).toMatchObject({
        users: [{ userId: 'committed', clicks: 1 }],
        totalUsers: 1,
      });
      expect(await get(`${place}/api/sessions?user=committed`)).toMatchObject({ sessions: [{ clicks: 1 }] });
      for (const canary of ['canary-0', 'canary-1']) {
        expect((await fetch(`${place}/api/users/${canary}`)).status).toBe(404);
        expect(await get(`${place}/api/sessions?user=${canary}`)).toEqual({ sessions: [], complete: true });
      }
      for (const path of ['overview', 'users?top=1000', 'pages?top=1000', 'dead-letters?limit=100'])
        expect(JSON.stringify(await get(`${place}/api/${path}`)), path).not.toContain('canary');
    }
    expect(JSON.stringify(reader.events)).not.toContain('canary');

    // The canaries were there to be seen.
    const uncommitted = await createPartitionReader({
      connection: { brokers: [brokers], clientId: 'test' },
      log,
      isolation: 'read_uncommitted',
    });
    onTestFinished(() => uncommitted.close());
    for (const topic of [topics.totals, topics.pages, topics.sessions, topics.deadLetters]) {
      const [to = 0n] = await uncommitted.endOffsets(topic);
      let text = '';
      for await (const batch of uncommitted.read({ topic, partition: 0, from: 0n, to }))
        for (const record = batch.walk(); record.next();) text += record.value()?.toString() ?? '';
      for (const name of ['canary-0', 'canary-1', 'committed']) expect(text, topic).toContain(name);
    }
  });

  test(
    'keeps 180 clients within 500 ms of a commit while 20 never read, until these have to go',
    { timeout: 240_000 },
    async ({ onTestFinished }) => {
      const topics = await createTestTopics(brokers, { partitions: 2 });
      const serve = startResultsConsumer(['serve'], { ...topics.environment, DASHBOARD_PORT: '0' });
      const address = await serve.dashboard();
      const { hostname, port } = new URL(address);
      for (let client = 0; client < 20; client += 1) {
        const socket = connect(Number(port), hostname).pause();
        socket.on('error', () => undefined).write('GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
        onTestFinished(() => {
          socket.destroy();
        });
      }
      const readers = await Promise.all(
        Array.from({ length: 180 }, () => watchTotal(address, onTestFinished)),
      );
      const ofDashboard = (name: string) => metricOf(address, `clickstream_dashboard_${name}`);
      await expect.poll(() => ofDashboard('stream_clients'), { timeout: 60_000 }).toBe(200);
      const memoryMb = async () => (await metricOf(address, 'process_resident_memory_bytes')) / 1_048_576;
      const memoryBeforeMb = await memoryMb();
      let mostMemoryMb = memoryBeforeMb;

      const reader = await createPartitionReader({
        connection: { brokers: [brokers], clientId: 'test' },
        log,
      });
      onTestFinished(() => reader.close());
      /** When the dashboard has read the totals up to where their topic ends now. */
      const hasRead = async () => {
        const ends = await reader.endOffsets(topics.totals);
        const end = Number(ends.reduce((sum, each) => sum + each, 0n));
        while ((await ofDashboard('records_total{feed="totals"}')) < end) await delay(10);
        return performance.now();
      };
      const pauses = monitorEventLoopDelay({ resolution: 5 });
      pauses.enable();
      let round = 0;
      /** Of the rounds in which this machine did not keep this process waiting: how late the last client was, and the reading. */
      const latestMs: number[] = [];
      const readMs: number[] = [];
      const commit = async (...more: OutgoingRecord[]) => {
        round += 1;
        const users = Array.from({ length: 20 }, (_, user) => `u${user}`.padEnd(256));
        pauses.reset();
        await topics.write(...more, ...users.map((userId) => topics.total(userId, round, 'json', LONG_URL)));
        const committedAt = performance.now();
        const [readAt, ...shownAt] = await Promise.all([
          hasRead(),
          ...readers.map((client) => client.shows(round * users.length)),
        ]);
        mostMemoryMb = Math.max(mostMemoryMb, await memoryMb());
        if (pauses.max / 1e6 > PAUSE_LIMIT_MS) return;
        latestMs.push(Math.max(...shownAt) - committedAt);
        readMs.push(readAt - committedAt);
      };
      const expectInTime = () => {
        expect(medianOf(latestMs)).toBeLessThan(500 + PAUSE_LIMIT_MS);
        expect(medianOf(readMs)).toBeLessThan(500 + PAUSE_LIMIT_MS);
      };

      while (latestMs.length < 15 && round < 100) await commit();
      expectInTime();

      // What the system takes in for a client that does not read is full after some megabytes.
      latestMs.length = 0;
      readMs.length = 0;
      while ((await ofDashboard('resyncs_total')) < 20)
        await commit(
          ...DEAD_LETTER_REASONS.map((reason) =>
            topics.letter({
              reason,
              detail: LONG_URL,
              value: Buffer.from(`${round} ${LONG_URL}${LONG_URL}`),
            }),
          ),
        );
      expect(await ofDashboard('stream_clients')).toBeGreaterThan(180);
      // While all of those wait to read at last, nobody waits for them.
      for (let more = 0; more < 5 || (latestMs.length === 0 && more < 100); more += 1) await commit();
      expectInTime();
      await expect.poll(() => ofDashboard('stream_clients'), { timeout: 60_000 }).toBe(180);
      await commit();
      expect(await ofDashboard('clicks')).toBe(round * 20);
      expect(await ofDashboard('stream_buffered_bytes')).toBeLessThan(180 * 256 * 1024);
      expect(mostMemoryMb - memoryBeforeMb).toBeLessThan(128);
    },
  );

  test('says in one line that its port is taken, or takes the next one', async ({ onTestFinished }) => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      taken.close();
    });
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const environment = { ...topics.environment, DASHBOARD_PORT: String(port), LOG_LEVEL: 'warn' };
    const refused = await startResultsConsumer(['serve'], environment).ended;
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: `error: cannot serve the dashboard on 127.0.0.1:${port}: the port is taken; set DASHBOARD_PORT to a free port, or to 0 for any\n`,
    });
    const address = await startResultsConsumer(['serve', '--next-port'], environment).dashboard();
    const next = Number(new URL(address).port);
    expect(next).toBeGreaterThan(port);
    expect(next).toBeLessThanOrEqual(port + 20);
  });
});

/** NaN of none. The broker and the dashboard share the machine as well: one round in which these had to wait says nothing. */
function medianOf(sample: readonly number[]): number {
  return sample.toSorted((first, second) => first - second)[Math.floor(sample.length / 2)] ?? NaN;
}

/** A round in which this process had to wait for longer says nothing: the machine is shared with other tests. */
const PAUSE_LIMIT_MS = 100;
/** Of three bytes a character, so that a delta is large. */
const LONG_URL = `/${'日'.repeat(254)}`;

/** A client of the stream that looks for the total alone: what 180 of them parse would be the load of the machine. */
function watchTotal(
  address: string,
  atEnd: (tidyUp: () => void) => void,
): Promise<{ shows(totalClicks: number): Promise<number> }> {
  let total = 0;
  let shownAt = 0;
  let look: () => void = () => undefined;
  return new Promise((resolve, reject) => {
    const request = httpGet(`${address}/api/stream`, { agent: false }, (response) => {
      let carried = '';
      response.setEncoding('latin1').on('data', (chunk: string) => {
        const text = carried + chunk;
        carried = text.slice(-64);
        const digits = /"totalClicks":(\d+),/.exec(text)?.[1];
        if (digits === undefined) return;
        total = Number(digits);
        shownAt = performance.now();
        look();
      });
      response.on('error', () => undefined);
      resolve({
        shows: (totalClicks) =>
          new Promise((shown) => {
            look = () => {
              if (total === totalClicks) shown(shownAt);
            };
            look();
          }),
      });
    }).on('error', reject);
    atEnd(() => {
      request.destroy();
    });
  });
}

/** A metric of the dashboard; 0 while it has none of that name. */
async function metricOf(address: string, name: string): Promise<number> {
  const metrics = await (await fetch(`${address}/metrics`)).text();
  const line = metrics.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length));
}
