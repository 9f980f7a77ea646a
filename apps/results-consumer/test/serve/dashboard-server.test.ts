import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePageClicks, encodeUserSession } from '@clickstream/schema';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { recordOf } from '../core/views/record-of.ts';
import { startTestDashboard, type TestDashboardOptions } from './start-test-dashboard.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '\u202egnp.exe',
  '\u001b[2J\u0007',
  "'; drop table users; --",
  '../../etc/passwd',
  'a b/c?d=e&f#g%20+',
  '😀'.repeat(128),
  '__proto__',
];

const token = 'correct-horse-battery';
const responsesSchema = z.record(
  z.string(),
  z.object({
    description: z.string(),
    content: z.record(z.string(), z.object({ schema: z.record(z.string(), z.any()) })),
  }),
);

/** A dashboard that has read what there was. */
const startReadyDashboard = (options: TestDashboardOptions = {}) =>
  startTestDashboard({ isReady: true, ...options });

/** Writes to the server what may be no HTTP. */
function connectTo(address: string) {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

/** The answer to what is written, whatever that is, up to the end of the connection. */
async function answerTo(address: string, text: string): Promise<string> {
  const socket = connectTo(address);
  socket.end(text);
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk as string;
  return answer;
}

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  return response.json();
}

describe('the API', () => {
  test('answers as its OpenAPI document says', async () => {
    const dashboard = await startReadyDashboard();
    for (let user = 1; user <= 30; user += 1) dashboard.total(`u${user}`, user);
    const page = encodePageClicks({
      page: '/page1',
      windowStart: 60_000,
      windowEnd: 120_000,
      partition: 0,
      clicks: 3,
      users: 2,
      usersExact: true,
      final: false,
    });
    dashboard.views.pages.apply(recordOf(page.key, page.value));
    const session = encodeUserSession({
      userId: 'u30',
      start: 1,
      end: 2,
      clicks: 2,
      entryUrl: '/a',
      exitUrl: '/b',
      final: true,
    });
    dashboard.views.sessions.apply(recordOf(session.key, session.value));

    const document = (await (await dashboard.fetch('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<
        string,
        {
          get: {
            responses: Record<
              string,
              {
                description: string;
                content?: Record<string, { schema: Parameters<typeof z.fromJSONSchema>[0] }>;
              }
            >;
          };
        }
      >;
    };
    expect(document.openapi).toBe('3.1.0');
    const examples: Record<string, string> = {
      '/api/overview': '/api/overview',
      '/api/users': '/api/users?top=3',
      '/api/users/{userId}': '/api/users/u30',
      '/api/user': '/api/user?id=u30',
      '/api/pages': '/api/pages?window=60000',
      '/api/sessions': '/api/sessions?user=u30',
      '/api/books': '/api/books',
      '/api/latency': '/api/latency',
      '/api/dead-letters': '/api/dead-letters?reason=late&limit=5',
      '/healthz': '/healthz',
      '/readyz': '/readyz',
      '/metrics': '/metrics',
    };
    for (const [path, { get }] of Object.entries(document.paths)) {
      if (path.endsWith('/stream')) {
        expect(Object.keys(get.responses['200']?.content ?? {}), path).toEqual(['text/event-stream']);
        continue;
      }
      const response = await dashboard.fetch(examples[path] ?? `no example of ${path}`);
      expect(response.status, path).toBe(200);
      if (path === '/metrics') {
        expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
        expect(Object.keys(get.responses['200']?.content ?? {})).toEqual(['text/plain']);
        continue;
      }
      const schema = get.responses['200']?.content?.['application/json']?.schema;
      expect(schema, path).toBeDefined();
      const answer = z.fromJSONSchema(schema ?? {}).safeParse(await response.json());
      expect(answer.error, path).toBeUndefined();
    }
    expect(Object.keys(document.paths).sort()).toEqual(
      [...Object.keys(examples), '/api/stream', '/api/clicks/stream'].sort(),
    );
  });

  test('has problems as its OpenAPI document says', async () => {
    const dashboard = await startReadyDashboard({ token, maxClients: 0 });
    const authorization = `Bearer ${token}`;
    const ask = (path: string, init: RequestInit = {}) =>
      dashboard.fetch(path, { ...init, headers: { authorization } });
    const { paths } = z
      .object({ paths: z.record(z.string(), z.object({ get: z.object({ responses: responsesSchema }) })) })
      .parse(await (await ask('/openapi.json')).json());
    const documented = (path: string) => paths[path]?.get.responses ?? {};
    const answers: [path: string, Response][] = [
      ['/api/overview', await ask('/api/overview?x=1')],
      ['/api/overview', await dashboard.fetch('/api/overview')],
      ['/api/stream', await dashboard.fetch('/api/stream')],
      ['/api/users', await ask('/api/users', { method: 'POST' })],
      ['/api/users/{userId}', await ask('/api/users/nobody')],
      ['/api/users/{userId}', await ask(`/api/users/${'x'.repeat(10_000)}`)],
      ['/api/pages', await ask('/api/pages?window=5')],
      ['/api/stream', await ask('/api/stream')],
      ['/api/clicks/stream', await ask('/api/clicks/stream?user=')],
      [
        '/api/stream',
        await dashboard.fetch('/api/stream', { headers: { authorization, 'sec-fetch-site': 'cross-site' } }),
      ],
      ['/metrics', await dashboard.fetch('/metrics')],
    ];
    expect(answers.map(([, { status }]) => status)).toEqual([
      400, 401, 401, 405, 404, 414, 404, 503, 400, 403, 401,
    ]);
    for (const [path, answer] of answers) {
      const { description, content } = documented(path)[answer.status] ?? {};
      expect(description, `${path} ${answer.status}`).toEqual(expect.any(String));
      const { schema = {} } = content?.['application/problem+json'] ?? {};
      expect(Object.keys(schema), `${path} ${answer.status}`).not.toEqual([]);
      const parsed = z.fromJSONSchema(schema).safeParse(await problemOf(answer));
      expect(parsed.error, path).toBeUndefined();
    }
    for (const [path, { get }] of Object.entries(paths))
      for (const status of [
        ...['405', '414', '421'],
        ...(path.startsWith('/api/') ? ['400'] : []),
        ...(['/healthz', '/readyz'].includes(path) ? [] : ['401']),
      ])
        expect(Object.keys(get.responses), path).toContain(status);
    for (const path of ['users', 'users/{userId}', 'user', 'pages', 'sessions', 'books'])
      expect(Object.keys(documented(`/api/${path}`)), path).toContain('503');
  });

  test('answers with what the views have', async () => {
    const dashboard = await startReadyDashboard();
    for (let user = 1; user <= 30; user += 1) dashboard.total(`u${user}`, user);
    const body = async (path: string) => (await dashboard.fetch(path)).json();
    expect(await body('/api/users?top=2')).toMatchObject({
      users: [
        { userId: 'u30', clicks: 30 },
        { userId: 'u29', clicks: 29 },
      ],
      totalUsers: 30,
    });
    expect(await body('/api/users')).toMatchObject({ users: { length: 20 } });
    expect(await body('/api/users/u7')).toMatchObject({
      userId: 'u7',
      clicks: 7,
      sessions: [],
      sessionsComplete: true,
    });
    dashboard.views.sessions.setIncomplete();
    expect(await body('/api/users/u7')).toMatchObject({ sessions: [], sessionsComplete: false });
    expect(await body('/api/sessions?user=u7')).toEqual({ sessions: [], complete: false });
    expect(await body('/api/overview')).toMatchObject({
      totalClicks: 465,
      users: 30,
      activeUsers5m: 30,
      ready: true,
      latency: { updates: 30 },
    });
    expect(await body('/api/pages')).toMatchObject({ windowStart: null, pages: [], windows: [] });
  });

  test('does not take half of what there is for all', async () => {
    const dashboard = await startReadyDashboard({ isReady: false });
    for (const path of ['users', 'users/a', 'user?id=a', 'pages', 'sessions?user=a', 'books']) {
      const response = await dashboard.fetch(`/api/${path}`);
      expect(response.status, path).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
      await problemOf(response);
    }
    expect((await dashboard.fetch('/api/users?top=0')).status).toBe(400);
    expect(await (await dashboard.fetch('/api/overview')).json()).toMatchObject({
      ready: false,
      deadLetters: { complete: false },
    });
    for (const path of ['latency', 'dead-letters'])
      expect((await dashboard.fetch(`/api/${path}`)).status, path).toBe(200);
    dashboard.views.setReady(0);
    expect((await dashboard.fetch('/api/users/a')).status).toBe(404);
  });

  test.each(['.', '..', 'a/b?c&d=e#f', '%2e', 'Zoë'])('has a user of the id %j', async (userId) => {
    const dashboard = await startReadyDashboard();
    dashboard.total(userId, 3);
    const response = await dashboard.fetch(`/api/user?id=${encodeURIComponent(userId)}`);
    expect(await response.json()).toMatchObject({ userId, clicks: 3, sessions: [] });
  });

  test.each([
    ['/api/users?top=0', 400],
    ['/api/users?top=1001', 400],
    ['/api/users?top=ten', 400],
    ['/api/users?top=0x10', 400],
    ['/api/users?top=1e3', 400],
    ['/api/users?top=', 400],
    ['/api/users?top=%205', 400],
    ['/api/users?top=5.0', 400],
    ['/api/users?top=1&top=2', 400],
    ['/api/pages?top=0x10', 400],
    ['/api/pages?window=0x10', 400],
    ['/api/dead-letters?limit=1e1', 400],
    ['/api/users?tpo=10', 400],
    ['/api/users/nobody', 404],
    ['/api/user?id=nobody', 404],
    ['/api/user', 400],
    ['/api/pages?window=now', 400],
    ['/api/pages?window=5', 404],
    ['/api/sessions', 400],
    ['/api/dead-letters?reason=boring', 400],
    ['/api/dead-letters?limit=101', 400],
    ['/api/users/%E0%A4%A', 400],
    ['/api/nothing', 404],
    ['/..%2f..%2fpackage.json', 404],
  ])('answers %s with %d as a problem', async (path, status) => {
    const dashboard = await startReadyDashboard();
    const response = await dashboard.fetch(path);
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toMatchObject({
      type: 'about:blank',
      status,
      detail: expect.any(String) as string,
    });
  });

  test('answers an id that nobody can have with a problem', async () => {
    const dashboard = await startReadyDashboard();
    for (const [length, status] of [
      [257, 400],
      [10_000, 414],
    ] as const) {
      const response = await dashboard.fetch(`/api/users/${'x'.repeat(length)}`);
      expect(response.status).toBe(status);
      const { detail } = (await problemOf(response)) as { detail: string };
      expect(detail.length).toBeLessThan(200);
    }
  });

  test('closes a connection that goes on asking and never reads', async () => {
    const dashboard = await startReadyDashboard();
    for (let user = 0; user < 1_000; user += 1) dashboard.total(`u${user}`, 1, `/${'x'.repeat(250)}`);
    const socket = connectTo(dashboard.address);
    socket.write('GET /api/users?top=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(500));
    // Something has come, which is not read.
    await once(socket, 'readable');
    await expect.poll(() => dashboard.connections(), { timeout: 5_000 }).toBe(0);
    // Who reads may ask for as much.
    const answers = await answerTo(
      dashboard.address,
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(500),
    );
    expect(answers.split('{"status":"alive"}')).toHaveLength(501);
  });

  test('knows a method that is not allowed from a path that is not there', async () => {
    const dashboard = await startReadyDashboard();
    for (const [method, path, status] of [
      ['POST', '/api/users', 405],
      ['DELETE', '/api/users/a', 405],
      ['PUT', '/api/stream', 405],
      ['OPTIONS', '/healthz', 405],
      ['POST', '/nowhere', 404],
    ] as const) {
      const response = await dashboard.fetch(path, { method });
      expect(response.status, path).toBe(status);
      expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD' : null);
      await problemOf(response);
    }
    for (const path of ['/api/users', '/api/stream', '/api/clicks/stream', '/healthz']) {
      const response = await dashboard.fetch(path, { method: 'HEAD' });
      expect(response.status, path).toBe(200);
      expect(await response.text()).toBe('');
    }
    expect(dashboard.clients.size).toBe(0);
  });

  test.each(HOSTILE)('hands on %j as it is', async (text) => {
    const dashboard = await startReadyDashboard();
    // A control character is in no click, so that there is no such user to find.
    dashboard.total(text, 1, `/${text}`);
    const response = await dashboard.fetch(`/api/users/${encodeURIComponent(text)}`);
    if (text.includes('\u001b')) {
      expect(response.status).toBe(404);
      return;
    }
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const user = {
      userId: text,
      clicks: 1,
      lastUrl: text.length < 256 ? `/${text}` : (expect.any(String) as string),
    };
    expect(await response.json()).toMatchObject(user);
    const sessions = await dashboard.fetch(`/api/sessions?user=${encodeURIComponent(text)}`);
    expect(await sessions.json()).toEqual({ sessions: [], complete: true });
    expect(await (await dashboard.fetch('/api/users')).json()).toMatchObject({ users: [user] });
  });
});

describe('every answer', () => {
  test('has headers that leave a browser no room', async () => {
    const dashboard = await startReadyDashboard();
    for (const path of ['/', '/api/overview', '/nowhere', '/api/users?top=0']) {
      const { headers } = await dashboard.fetch(path);
      const policy = headers.get('content-security-policy');
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
    }
    expect((await dashboard.fetch('/api/overview')).headers.get('cache-control')).toBe('no-store');
    expect((await dashboard.fetch('/')).headers.get('content-security-policy')).not.toMatch(
      /data:|font|form-action 'self'/,
    );
  });

  test.each([
    [
      'a url that cannot be decoded',
      'GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      400,
    ],
    [
      'a parameter that is too long',
      `GET /api/users/${'x'.repeat(5_000)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      414,
    ],
    ['what is no HTTP', 'nonsense\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
  ])('is a problem with such headers for %s too', async (_, text, status) => {
    const { address } = await startReadyDashboard();
    const answer = await answerTo(address, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    for (const header of [
      /^content-type: application\/problem\+json/im,
      /^content-security-policy: default-src 'none'/im,
      /^x-content-type-options: nosniff/im,
      /^cache-control: no-store/im,
    ])
      expect(answer).toMatch(header);
    expect(answer).not.toContain('xxxx');
  });

  test('to a url that cannot be decoded goes to nobody else either', async () => {
    const { address } = await startReadyDashboard({ token });
    const ask = (host: string) =>
      answerTo(address, `GET /%zz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await ask('evil.example')).toMatch(/^HTTP\/1.1 421 /);
    expect(await ask('localhost')).toMatch(/^HTTP\/1.1 401 /);
  });

  /** `fetch` sets the header itself. */
  const statusFor = (address: string, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(`${address}/api/overview`, { headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  test('goes to this machine only, while nobody else is meant to reach it', async () => {
    const { address } = await startReadyDashboard();
    for (const host of ['localhost', 'localhost:3000', '127.0.0.1:1', '[::1]:80', 'dash.localhost'])
      expect(await statusFor(address, host), host).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example', '10.0.0.1', '127.evil.example'])
      expect(await statusFor(address, host), host).toBe(421);
  });

  test('goes to others by a name that no website can have, or any name where there is a token', async () => {
    const open = await startReadyDashboard({ listenHost: '0.0.0.0' });
    for (const host of ['10.0.0.1:3000', '[fe80::1]:80', 'results-consumer:3000', 'localhost'])
      expect(await statusFor(open.address, host), host).toBe(200);
    for (const host of ['dash.example', 'evil.example:3000', '10.0.0.1.evil.example', 'a.b'])
      expect(await statusFor(open.address, host), host).toBe(421);
    const guarded = await startReadyDashboard({ listenHost: '0.0.0.0', token });
    expect(await statusFor(guarded.address, 'dash.example')).toBe(401);
    const local = await startReadyDashboard({ token });
    expect(await statusFor(local.address, 'dash.example')).toBe(421);
  });
});

describe('with a token', () => {
  test('only who knows it sees anything but the health', async () => {
    const dashboard = await startReadyDashboard({ token });
    for (const path of [
      '/',
      '/api/overview',
      '/api/stream',
      '/api/clicks/stream',
      '/openapi.json',
      '/metrics',
      '/x',
    ])
      for (const authorization of ['', 'Bearer', 'Bearer wrong', `Bearer ${token}x`, `Basic ${token}`]) {
        const response = await dashboard.fetch(path, { headers: { authorization } });
        expect(response.status, `${path} ${authorization}`).toBe(401);
        expect(response.headers.get('www-authenticate')).toContain('Bearer');
        await problemOf(response);
      }
    const authorization = `Bearer ${token}`;
    expect((await dashboard.fetch('/api/overview', { headers: { authorization } })).status).toBe(200);
    for (const path of ['/healthz', '/readyz']) expect((await dashboard.fetch(path)).status).toBe(200);
    const document = await dashboard.fetch('/openapi.json', { headers: { authorization } });
    expect(await document.text()).not.toContain(token);
  });

  test('a browser is given a cookie for it, once, and a url without it', async () => {
    const dashboard = await startReadyDashboard({ token });
    const response = await dashboard.fetch(`/api/users?top=3&token=${token}`);
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/api/users?top=3');
    const cookie = response.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(cookie).not.toContain(token);
    const [pair = ''] = cookie.split(';');
    const seen = await dashboard.fetch('/api/users?top=3', { headers: { cookie: `other=1; ${pair}` } });
    expect(seen.status).toBe(200);
    const again = await dashboard.fetch(`/api/users?top=3&token=${token}`, { headers: { cookie: pair } });
    expect(again.headers.get('location')).toBe('/api/users?top=3');
    const forged = await dashboard.fetch('/api/users?top=3', { headers: { cookie: `${pair}x` } });
    expect(forged.status).toBe(401);
    expect((await dashboard.fetch('/?token=wrong')).status).toBe(401);
    const elsewhere = await dashboard.fetch(`//evil.example/?token=${token}`);
    expect(elsewhere.headers.get('location')).toBe('/evil.example/');
  });

  test.each([
    ['/\\[x', '/[x'],
    ['//[', '/['],
    ['/\\evil.example/', '/evil.example/'],
    ['/.//evil.example/', '/.//evil.example/'],
    ['/.well-known?a=1', '/.well-known?a=1'],
    ['http://evil.example/', '/http://evil.example/'],
  ])('asked for %s, stays here', async (url, location) => {
    const { address } = await startReadyDashboard({ token });
    const ask = (target: string) =>
      answerTo(address, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(await ask(url)).toMatch(/^HTTP\/1.1 401 /);
    const answer = await ask(`${url}${url.includes('?') ? '&' : '?'}token=${token}`);
    expect(/^location: (.*)$/im.exec(answer)?.[1]?.trim()).toBe(location);
    expect(new URL(location, address).origin).toBe(address);
  });
});

describe('the health', () => {
  test('is ready or says why not', async () => {
    const dashboard = await startReadyDashboard({ notReady: { code: 'reading', reason: 'still reading' } });
    const response = await dashboard.fetch('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      status: 'not ready',
      complete: false,
      code: 'reading',
      reason: 'still reading',
    });
    expect(await (await dashboard.fetch('/healthz')).json()).toEqual({ status: 'alive' });
    const metrics = await (await dashboard.fetch('/metrics')).text();
    expect(metrics).toMatch(/^clickstream_dashboard_users 0$/m);
    expect(metrics).toMatch(/^clickstream_dashboard_latency_p99_seconds Nan$/m);
  });

  test.each([false, true])('says whether what it does not wait for is there: %j', async (isWhole) => {
    const dashboard = await startReadyDashboard({ isWhole });
    expect(await (await dashboard.fetch('/readyz')).json()).toEqual({ status: 'ready', complete: isWhole });
  });

  test('tells what a topic is called only who may see that', async () => {
    const silent = { code: 'silent', reason: 'no answer', silenceMs: 11_000 } as const;
    const dashboard = await startReadyDashboard({ token, notReady: { ...silent, partition: 'clicks [2]' } });
    const ask = async (headers: Record<string, string>) => {
      const response = await dashboard.fetch('/readyz', { headers });
      expect(response.status).toBe(503);
      return response.json();
    };
    const expected = { status: 'not ready', complete: false, ...silent };
    expect(await ask({})).toEqual(expected);
    expect(await ask({ authorization: `Bearer ${token}` })).toEqual({ ...expected, partition: 'clicks [2]' });
  });
});

describe('the page', () => {
  test('is what was built, and nothing beside it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clickstream-page-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const pageFolder = join(folder, 'web');
    mkdirSync(join(pageFolder, 'assets'), { recursive: true });
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    writeFileSync(join(pageFolder, 'index.html'), '<!doctype html><title>x</title>');
    writeFileSync(join(pageFolder, 'assets', 'index-abc.js'), '1;');
    const dashboard = await startReadyDashboard({ pageFolder });
    const page = await dashboard.fetch('/');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(await page.text()).toContain('<!doctype html>');
    const script = await dashboard.fetch('/assets/index-abc.js');
    expect(script.headers.get('cache-control')).toContain('immutable');
    for (const path of ['/secret.txt', '/..%2fsecret.txt', '/assets/..%2f..%2fsecret.txt', '/assets/'])
      expect((await dashboard.fetch(path)).status, path).toBe(404);
    for (const path of ['/', '/index.html', '/assets/index-abc.js']) {
      const response = await dashboard.fetch(path, { method: 'POST' });
      expect(response.status, path).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD');
    }
  });

  test('that is not built says how to build it', async () => {
    const dashboard = await startReadyDashboard();
    const response = await dashboard.fetch('/');
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('build:page');
  });
});
