/**
 * Takes the README's images: the dashboard of the real apps on a real broker, after some minutes of clicks that swing as traffic does.
 *
 *     pnpm local-kafka run -- node --conditions=@clickstream/source apps/results-consumer/test/browser/take-readme-images.ts [MINUTES]
 */
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLogger, createRecordProducer } from '@clickstream/kafka-client';
import { encodeClickEvent } from '@clickstream/schema';
import { execa } from 'execa';
import { builtPage } from './built-page.ts';
import { openBrowser } from './open-browser.ts';
import { serveBuiltPage } from './serve-built-page.ts';

const MINUTES = Number(process.argv[2] ?? 16);
const BROKERS = process.env['KAFKA_BROKERS'] ?? 'localhost:9092';
const TOPIC = 'user_clickstream';
const IMAGES = fileURLToPath(new URL('../../../../docs/images', import.meta.url));
const USERS = 6_000;
const PAGES = ['/', '/pricing', '/docs/getting-started', '/blog/exactly-once', '/docs/windows', '/login'];
const OTHER_PAGES = [
  '/docs/api',
  '/about',
  '/blog/late-clicks',
  '/status',
  '/jobs',
  '/contact',
  '/docs/sessions',
];
const ALL_PAGES = [...PAGES, ...OTHER_PAGES];

const start = (app: string, args: string[], environment: Record<string, string> = {}) =>
  execa(
    process.execPath,
    [
      '--conditions=@clickstream/source',
      fileURLToPath(new URL(`../../../${app}/src/main.ts`, import.meta.url)),
      ...args,
    ],
    {
      cwd: tmpdir(),
      env: { KAFKA_BROKERS: BROKERS, LOG_LEVEL: 'warn', ...environment },
      stdin: 'ignore',
      stdout: 'ignore',
      reject: false,
    },
  );

/** Of so many, one of the first more often than of the last, as people and pages are. */
function drawn(count: number): number {
  return Math.min(count - 1, Math.floor(count ** Math.random() - 1));
}

const built = await builtPage();
const serve = start('results-consumer', ['serve'], { DASHBOARD_PORT: '0' });
const address = await new Promise<string>((resolve, reject) => {
  let text = '';
  serve.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const found = /^ready: dashboard at (\S+)$/m.exec(text)?.[1];
    if (found !== undefined) resolve(found);
  });
  void serve.then(() => {
    reject(new Error(text));
  });
});
const aggregator = start('aggregator', []);
const producer = await createRecordProducer([TOPIC], {
  connection: { brokers: BROKERS.split(','), clientId: 'readme-images' },
  log: createLogger('readme-images', { LOG_LEVEL: 'warn' }, false),
});
const browser = await openBrowser();
try {
  await goOnClicking(MINUTES * 60, async () => {
    for (const colorScheme of ['light', 'dark'] as const) await takeImage(colorScheme);
  });
} finally {
  await browser.close();
  await producer.close();
  for (const app of [aggregator, serve]) app.kill('SIGTERM');
  await Promise.all([aggregator, serve]);
  built.remove();
}

/** Clicks for so long, and on while `whenDone` is at work. */
async function goOnClicking(seconds: number, whenDone: () => Promise<void>): Promise<void> {
  let last: { readonly key: Buffer; readonly value: Buffer } | undefined;
  const state = { isDone: false };
  let done: Promise<void> | undefined;
  let due = 0;
  for (let second = 0; !state.isDone; second += 0.2) {
    const [day, hour] = [Math.sin(second / 140), Math.sin(second / 37)];
    due += 0.2 * Math.max(0, 42 + 13 * day + 5 * hour + 8 * (Math.random() - 0.5));
    for (; due >= 1; due -= 1) {
      const userId = String(1_001 + drawn(USERS));
      const url = ALL_PAGES[drawn(ALL_PAGES.length)] ?? '/';
      const event = { eventId: randomUUID(), userId, url, timestamp: Date.now() };
      last = { key: Buffer.from(userId), value: Buffer.from(encodeClickEvent(event, 'json')) };
      void producer.send({ topic: TOPIC, ...last });
    }
    // Now and then something is sent twice, or is no click.
    if (last && Math.random() < 0.004) void producer.send({ topic: TOPIC, ...last });
    if (Math.random() < 0.0015)
      void producer.send({
        topic: TOPIC,
        key: null,
        value: Buffer.from('{"url":"/pricing","timestamp":"yesterday"}'),
      });
    if (second >= seconds)
      done ??= whenDone().finally(() => {
        state.isDone = true;
      });
    await sleep(200);
  }
  await done;
}

async function takeImage(colorScheme: 'light' | 'dark'): Promise<void> {
  const context = await browser.newContext({
    locale: 'en-GB',
    viewport: { width: 1_440, height: 1_100 },
    colorScheme,
    // A row on its way to another place would be over others.
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await serveBuiltPage(page, address, built.folder);
  await page.goto(`${address}/`);
  // Until the list of live clicks is full.
  await page.locator('.clicks-list li').nth(9).waitFor();
  await sleep(6_000);
  const { bottom } = await page
    .locator('.users')
    .evaluate((card) => card.getBoundingClientRect().toJSON() as DOMRect);
  await page.screenshot({
    path: join(IMAGES, `dashboard-${colorScheme}.png`),
    clip: { x: 0, y: 0, width: 1_440, height: Math.ceil(bottom) + 12 },
    fullPage: true,
  });
  await context.close();
}
