import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readSse } from './sse-reader.ts';
import { startTestDashboard } from './start-test-dashboard.ts';

interface State {
  overview?: { totalClicks: number };
  users?: { userId: string; clicks: number }[];
  rate?: [number, number][];
  settings?: object;
}

const totalOf = (data: unknown) => (data as State).overview?.totalClicks;

describe('the stream of the dashboard', () => {
  test('is a snapshot, then what changed and nothing else', async () => {
    const dashboard = await startTestDashboard();
    dashboard.total('a', 1);
    const reader = await readSse(`${dashboard.address}/api/stream`);
    const snapshot = await reader.until(({ event }) => event === 'snapshot');
    expect(snapshot.id).toMatch(/^run\.\d+$/);
    expect(Object.keys(snapshot.data as State).sort()).toEqual(
      ['deadLetters', 'overview', 'pages', 'rate', 'settings', 'users'].sort(),
    );
    expect(snapshot.data).toMatchObject({
      overview: { totalClicks: 1 },
      users: [{ userId: 'a', clicks: 1 }],
    });
    dashboard.total('b', 5);
    const delta = await reader.until(({ data }) => totalOf(data) === 6);
    expect(delta.event).toBe('delta');
    expect(delta.data).toMatchObject({ users: [{ userId: 'b' }, { userId: 'a' }] });
    expect(delta.data).not.toHaveProperty('pages');
    expect(delta.data).not.toHaveProperty('deadLetters');
    expect(delta.data).not.toHaveProperty('settings');
  });

  test('has at most 4 deltas a second however much changes, and misses nothing', async () => {
    const dashboard = await startTestDashboard();
    const reader = await readSse(`${dashboard.address}/api/stream`);
    await reader.until(({ event }) => event === 'snapshot');
    const startedAt = performance.now();
    let clicks = 0;
    while (performance.now() - startedAt < 1_500) {
      dashboard.total('a', (clicks += 1));
      await delay(5);
    }
    await reader.until(({ data }) => totalOf(data) === clicks);
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(reader.events.length - 1).toBeLessThanOrEqual(Math.ceil(seconds * 4) + 1);
  });

  test('brings nobody a change later because somebody else connects', async () => {
    const dashboard = await startTestDashboard();
    const reader = await readSse(`${dashboard.address}/api/stream`);
    await reader.until(({ event }) => event === 'snapshot');
    const waits: number[] = [];
    for (let clicks = 1; clicks < 10; clicks += 2) {
      dashboard.total('a', clicks);
      await reader.until(({ data }) => totalOf(data) === clicks);
      dashboard.total('a', clicks + 1);
      const changedAt = performance.now();
      await readSse(`${dashboard.address}/api/stream`);
      await reader.until(({ data }) => totalOf(data) === clicks + 1);
      waits.push(performance.now() - changedAt);
    }
    // 1 s is what it would wait without a change.
    expect(Math.min(...waits)).toBeLessThan(700);
  });

  test('goes on where a client was', async () => {
    const dashboard = await startTestDashboard();
    const first = await readSse(`${dashboard.address}/api/stream`);
    dashboard.total('a', 1);
    const last = await first.until(({ data }) => totalOf(data) === 1);
    first.close();
    const other = await readSse(`${dashboard.address}/api/stream`);
    dashboard.total('a', 2);
    await other.until(({ data }) => totalOf(data) === 2);
    const again = await readSse(`${dashboard.address}/api/stream`, { 'last-event-id': last.id ?? '' });
    await again.until(({ data }) => totalOf(data) === 2);
    expect(again.events.every(({ event }) => event === 'delta')).toBe(true);
  });

  test('begins anew when a clock that was ahead is set right', async () => {
    let aheadMs = 3_600_000;
    const dashboard = await startTestDashboard({ aheadMs: () => aheadMs });
    dashboard.views.rate.extendTo(Date.now());
    const reader = await readSse(`${dashboard.address}/api/stream`);
    const first = await reader.until(({ event }) => event === 'snapshot');
    expect((first.data as State).rate?.at(-1)?.[0]).toBeGreaterThan(Date.now() / 1_000 + 3_000);
    aheadMs = 0;
    dashboard.total('a', 1);
    const second = await reader.until(({ data }) => totalOf(data) === 1);
    expect(second.event).toBe('snapshot');
    expect((second.data as State).rate?.at(-1)?.[0]).toBeLessThanOrEqual(Date.now() / 1_000);
    const again = await readSse(`${dashboard.address}/api/stream`, { 'last-event-id': first.id ?? '' });
    expect((await again.until(() => true)).event).toBe('snapshot');
    dashboard.total('a', 2);
    expect((await reader.until(({ data }) => totalOf(data) === 2)).event).toBe('delta');
  });

  test('goes on for a client that missed what nobody saw', async () => {
    const dashboard = await startTestDashboard();
    const first = await readSse(`${dashboard.address}/api/stream`);
    const snapshot = await first.until(({ event }) => event === 'snapshot');
    first.close();
    await expect.poll(() => dashboard.clients.size).toBe(0);
    dashboard.total('a', 1);
    const again = await readSse(`${dashboard.address}/api/stream`, { 'last-event-id': snapshot.id ?? '' });
    const delta = await again.until(({ data }) => totalOf(data) === 1);
    expect(delta.event).toBe('delta');
    expect(again.events.every(({ event }) => event === 'delta')).toBe(true);
  });

  test('sends a snapshot in place of more deltas than it would be large', async () => {
    const dashboard = await startTestDashboard({ bufferLimitBytes: 64 * 1024 });
    for (let user = 0; user < 20; user += 1) dashboard.total(`u${user}`, 1, `/${'x'.repeat(200)}`);
    const reader = await readSse(`${dashboard.address}/api/stream`);
    const first = await reader.until(({ event }) => event === 'snapshot');
    let deltas = 0;
    for (let clicks = 2; deltas < 20; clicks += 1) {
      dashboard.total('u0', clicks);
      await reader.until(({ data }) => totalOf(data) === 19 + clicks);
      deltas = reader.events.length - 1;
    }
    const again = await readSse(`${dashboard.address}/api/stream`, { 'last-event-id': first.id ?? '' });
    expect((await again.until(() => true)).event).toBe('snapshot');
    expect(dashboard.clients.resyncs).toBe(0);
    const last = reader.events.at(-1);
    const soon = await readSse(`${dashboard.address}/api/stream`, { 'last-event-id': last?.id ?? '' });
    dashboard.total('u0', 1_000);
    await soon.until(({ data }) => totalOf(data) === 1_019);
    expect(soon.events.every(({ event }) => event === 'delta')).toBe(true);
  });

  test.each(['other.0', 'run.999999', 'run.-1', 'run', '', 'run.1e3', '\u00ff'])(
    'begins anew for the id %j, which is none of its own',
    async (id) => {
      const dashboard = await startTestDashboard();
      const reader = await readSse(`${dashboard.address}/api/stream`, { 'last-event-id': id });
      expect((await reader.until(() => true)).event).toBe('snapshot');
    },
  );

  test('has a heartbeat', async () => {
    const dashboard = await startTestDashboard({ heartbeatMs: 30 });
    const reader = await readSse(`${dashboard.address}/api/stream`);
    expect((await reader.until(({ event }) => event === 'alive')).data).toEqual({});
  });

  test('tells what somebody typed as text of one event', async () => {
    const dashboard = await startTestDashboard();
    const reader = await readSse(`${dashboard.address}/api/stream`);
    const url = '/\u2028event: snapshot\u2028data: {}';
    dashboard.total('</script>\u2028x', 1, url);
    const delta = await reader.until(({ data }) => totalOf(data) === 1);
    expect((delta.data as State).users).toMatchObject([{ userId: '</script>\u2028x', lastUrl: url }]);
  });

  test('takes as many clients as it may and no more', async () => {
    const dashboard = await startTestDashboard({ maxClients: 2 });
    const first = await readSse(`${dashboard.address}/api/stream`);
    await readSse(`${dashboard.address}/api/clicks/stream`);
    const refused = await dashboard.fetch('/api/stream');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('10');
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    first.close();
    await expect.poll(() => dashboard.clients.size).toBe(1);
    await readSse(`${dashboard.address}/api/stream`);
  });

  test('is not begun behind another answer on its connection, where it would wait in memory', async () => {
    const dashboard = await startTestDashboard();
    const { hostname, port } = new URL(dashboard.address);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    onTestFinished(() => {
      socket.destroy();
    });
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.write('GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(600));
    await expect.poll(() => answer).toContain('event: snapshot');
    // By what reads after them on the same connection it is known that all of those have been looked at.
    dashboard.total('a', 1);
    await expect.poll(() => answer).toContain('"totalClicks":1,');
    expect(dashboard.clients.size).toBe(1);
    expect(dashboard.clients.bufferedBytes).toBe(0);
  });

  test('says that it is not begun behind an answer that ends', async () => {
    const dashboard = await startTestDashboard();
    const { hostname, port } = new URL(dashboard.address);
    const socket = connect(Number(port), hostname);
    const requests = ['/healthz', '/api/stream'].map(
      (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    socket.write(requests.join(''));
    let answer = '';
    for await (const chunk of socket.setEncoding('latin1')) answer += chunk as string;
    expect(answer).toMatch(/"alive"[^]*HTTP\/1.1 409 [^]*connection: close[^]*"status":409/i);
    expect(dashboard.clients.size).toBe(0);
  });

  test('is not begun for another website', async () => {
    const dashboard = await startTestDashboard();
    const ask = (site: string, path: string) =>
      dashboard.fetch(path, { method: 'HEAD', headers: { 'sec-fetch-site': site } });
    for (const path of ['/api/stream', '/api/clicks/stream']) {
      expect((await ask('cross-site', path)).status).toBe(403);
      for (const site of ['same-origin', 'same-site', 'none'])
        expect((await ask(site, path)).status).toBe(200);
    }
  });

  test('ends when the server is told to stop', async () => {
    const dashboard = await startTestDashboard();
    const reader = await readSse(`${dashboard.address}/api/stream`);
    await reader.until(({ event }) => event === 'snapshot');
    await dashboard.close();
    expect(await reader.ended).toBe('ended');
  });
});

describe('the stream of clicks', () => {
  const click = (userId: string, url: string) => `User ${userId} clicked on ${url} at 1711111111.123`;

  test('shows the clicks of a user on a page, and what is no click not at all', async () => {
    const dashboard = await startTestDashboard();
    const all = await readSse(`${dashboard.address}/api/clicks/stream`);
    const some = await readSse(`${dashboard.address}/api/clicks/stream?user=42&page=/page3`);
    await expect.poll(() => dashboard.clients.size).toBe(2);
    dashboard.click(click('42', '/page3?from=mail'), 2, 17n);
    dashboard.click(click('42', '/page30'));
    dashboard.click(click('43', '/page3'));
    dashboard.click('nonsense');
    const { data } = await some.until(({ event }) => event === 'clicks');
    expect(data).toEqual({
      clicks: [
        { userId: '42', url: '/page3?from=mail', timestamp: 1_711_111_111_123, partition: 2, offset: '17' },
      ],
      sampled: null,
      seen: 1,
    });
    expect((await all.until(({ event }) => event === 'clicks')).data).toMatchObject({
      seen: 3,
      sampled: null,
    });
  });

  test('looks once at the page of a click, however many ask for one', async () => {
    const dashboard = await startTestDashboard();
    const readers = await Promise.all(
      ['/page3', '/page3?x=1', 'https://shop.example/page3#top', '/page4'].map((page) =>
        readSse(`${dashboard.address}/api/clicks/stream?page=${encodeURIComponent(page)}`),
      ),
    );
    await expect.poll(() => dashboard.clients.size).toBe(readers.length);
    const looks = vi.spyOn(String.prototype, 'search');
    onTestFinished(() => {
      looks.mockRestore();
    });
    dashboard.click(click('42', 'http://shop.example/page3?from=mail'));
    expect(looks).toHaveBeenCalledTimes(1);
    for (const reader of readers.slice(0, 3))
      expect((await reader.until(({ event }) => event === 'clicks')).data).toMatchObject({ seen: 1 });
    expect(readers[3]?.events).toEqual([]);
  });

  test('shows a part of more than anybody can read, and says which', async () => {
    const dashboard = await startTestDashboard();
    const reader = await readSse(`${dashboard.address}/api/clicks/stream`);
    await expect.poll(() => dashboard.clients.size).toBe(1);
    for (let index = 0; index < 1_000; index += 1) dashboard.click(click(String(index), '/'));
    const { data } = await reader.until(({ event }) => event === 'clicks');
    const { clicks, sampled, seen } = data as { clicks: unknown[]; sampled: string; seen: number };
    expect(clicks.length).toBeLessThanOrEqual(12);
    expect(seen).toBe(1_000);
    expect(sampled).toMatch(/^1 of \d+$/);
  });
});
