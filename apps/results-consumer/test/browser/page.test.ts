import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeClickEvent } from '@clickstream/schema';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Overview } from '../../src/core/views/click-views.ts';
import { startTestDashboard, type TestDashboardOptions } from '../serve/start-test-dashboard.ts';
import { builtPage } from './built-page.ts';
import { expectAccessible, expectNoOverflow } from './expect-page.ts';
import {
  EXAMPLE_USERS,
  feedBooks,
  feedDeadLetter,
  feedExample,
  feedPage,
  feedTotal,
} from './feed-example.ts';
import { HOSTILE_REJECTED_TEXTS, HOSTILE_TEXTS, shownHostile } from './hostile-texts.ts';
import { openBrowser } from './open-browser.ts';
import {
  connectionOf,
  numberOf,
  openWatchedPage,
  type WatchedPageOptions,
  rowsOf,
  textOf,
} from './watched-page.ts';

const SCREENSHOTS = fileURLToPath(new URL('../../test-results/screenshots', import.meta.url));

let browser: Browser;
let built: Awaited<ReturnType<typeof builtPage>>;

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  built = await builtPage();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
  built.remove();
});

async function startDashboard(options: TestDashboardOptions = {}) {
  return startTestDashboard({ pageFolder: built.folder, isReady: true, ...options });
}

const openPage = (address: string, options: WatchedPageOptions = {}) =>
  openWatchedPage(browser, address, options);
describe('the page', () => {
  test('shows the numbers that the API has', async () => {
    const dashboard = await startDashboard();
    feedExample(dashboard.views, Date.now());
    const page = await openPage(dashboard.address);
    await expect.poll(() => connectionOf(page)).toBe('Live');
    const overview = (await (await dashboard.fetch('/api/overview')).json()) as Overview;
    await expect.poll(() => numberOf(page, '#total-clicks')).toBe(overview.totalClicks);
    expect(await textOf(page, '#users')).toBe(`by ${EXAMPLE_USERS} users`);
    expect(await numberOf(page, '#active-users')).toBe(overview.activeUsers5m);
    expect(await numberOf(page, '#lag-records')).toBe(overview.lagRecords);
    expect(await textOf(page, '#latency-p50')).toBe(`${overview.latency.p50Ms} ms`);
    expect(await textOf(page, '#latency-p99')).toBe(`${overview.latency.p99Ms} ms`);
    expect(await textOf(page, '#lag-age')).toMatch(/the oldest waits for/);
    expect(await textOf(page, '#open-sessions')).toBe('1 open session; over after 30 min idle');
    expect(await textOf(page, '#rate-summary')).toMatch(/On average [\d.]+ per second\.$/);
    expect(await textOf(page, '#books')).toContain('Yes, the books balance');

    const { users } = (await (await dashboard.fetch('/api/users?top=10')).json()) as {
      users: { userId: string; clicks: number }[];
    };
    expect(await rowsOf(page, '#top-users')).toEqual(users.map(({ userId, clicks }) => [userId, clicks]));
    const { pages } = (await (await dashboard.fetch('/api/pages?top=10')).json()) as {
      pages: { page: string; clicks: number }[];
    };
    expect(await rowsOf(page, '#top-pages')).toEqual(pages.map((row) => [row.page, row.clicks]));
    const letters = await page.locator('#dead-letters .reason').allInnerTexts();
    expect(letters).toEqual(['malformed', 'late', 'too-large']);
  });

  test('runs in a browser of the POSIX locale, which names a language that is none', async () => {
    const dashboard = await startDashboard();
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    await context.addInitScript(() => {
      Object.defineProperty(navigator, 'language', { value: 'en-US@posix', configurable: true });
    });
    const page = await context.newPage();
    await page.goto(`${dashboard.address}/`);
    await expect.poll(() => connectionOf(page)).toBe('Live');
  });

  test('follows what changes, without being loaded again', async () => {
    const dashboard = await startDashboard();
    const page = await openPage(dashboard.address);
    await expect.poll(() => textOf(page, '#top-users .empty')).toContain('No clicks');
    await page.evaluate('window.isSamePage = true');
    // The chart is of two minutes, the figures of the seconds since it began.
    await expect.poll(() => textOf(page, '#rate-summary')).toMatch(/per second since \d\d:\d\d:\d\d\.$/);
    dashboard.total('first', 5);
    await expect.poll(() => numberOf(page, '#total-clicks')).toBe(5);
    dashboard.total('second', 7);
    await expect
      .poll(() => page.locator('#top-users .name .typed').allInnerTexts())
      .toEqual(['second', 'first']);
    feedBooks(dashboard.views, { counted: 12, duplicate: 0, rejected: 0, lost: 3 });
    dashboard.changed();
    await expect.poll(() => textOf(page, '#books')).toContain('do not balance');
    expect(await page.evaluate('window.isSamePage')).toBe(true);
  });

  test('comes back when the server does, and says how old its figures are until then', async () => {
    const dashboard = await startDashboard();
    dashboard.total('a', 3);
    const page = await openPage(dashboard.address);
    await expect.poll(() => connectionOf(page)).toBe('Live');
    await dashboard.close();
    await expect.poll(() => connectionOf(page)).toContain('Reconnecting');
    await expect.poll(() => connectionOf(page), { timeout: 60_000 }).toMatch(/^Stale since \d\d:\d\d:\d\d/);
    expect(await numberOf(page, '#total-clicks')).toBe(3);
    await page.screenshot({ path: join(SCREENSHOTS, 'stale.png') });
    const again = await startDashboard({ port: Number(new URL(dashboard.address).port), runId: 'next' });
    again.total('a', 4);
    await expect.poll(() => connectionOf(page), { timeout: 60_000 }).toBe('Live');
    await expect.poll(() => numberOf(page, '#total-clicks')).toBe(4);
  });

  test('says so while it is reading, and while Kafka is silent', async () => {
    const dashboard = await startDashboard({
      isReady: false,
      notReady: { code: 'silent', reason: 'no answer from Kafka for 12 s', silenceMs: 12_000 },
    });
    const page = await openPage(dashboard.address);
    await expect.poll(() => textOf(page, '#notice')).toContain('not complete yet');
    dashboard.views.setReady(0);
    dashboard.total('a', 1);
    await expect.poll(() => textOf(page, '#notice'), { timeout: 60_000 }).toContain('Kafka does not answer');
    await expect.poll(() => connectionOf(page)).toMatch(/^Stale since .*: Kafka is silent$/);
  });

  test('tells one silent partition from a silent Kafka', async () => {
    const notReady = {
      code: 'silent',
      reason: 'no answer',
      silenceMs: 12_000,
      partition: 'clicks [2]',
    } as const;
    const dashboard = await startDashboard({ notReady });
    const page = await openPage(dashboard.address);
    await expect.poll(() => textOf(page, '#notice')).toContain('for all partitions');
    expect(await connectionOf(page)).toMatch(/^In part stale since .*: Kafka is in part silent$/);
  });

  test('looks a user up, with sessions', async () => {
    const dashboard = await startDashboard();
    feedExample(dashboard.views, Date.now());
    const page = await openPage(dashboard.address);
    await page.locator('#top-users .name').first().click();
    await expect.poll(() => textOf(page, '#lookup-status')).toBe('Found, with 3 recent sessions.');
    expect(await page.locator('.sessions .state').allInnerTexts()).toEqual(['open', 'over', 'over']);
    const ago = () => textOf(page, '#lookup-result .note');
    expect(await ago()).toMatch(/last click (now|\d+ s ago)/);
    await expect.poll(ago).toMatch(/last click \d+ s ago/);
    dashboard.total('quiet', 1);
    dashboard.views.sessions.setIncomplete();
    await page.getByLabel('User id').fill('quiet');
    await page.getByRole('button', { name: 'Look up', exact: true }).click();
    await expect.poll(() => textOf(page, '#lookup-result .empty')).toContain('None among the sessions');
    await page.getByLabel('User id').fill('nobody');
    await page.getByRole('button', { name: 'Look up', exact: true }).click();
    await expect.poll(() => textOf(page, '#lookup-status')).toContain('no clicks of that user');
    expect(await page.locator('.sessions').count()).toBe(0);
  });

  test('keeps who was found while the server is away, and goes on with what it has then', async () => {
    const dashboard = await startDashboard();
    dashboard.total('a', 3);
    const page = await openPage(dashboard.address);
    const status = () => textOf(page, '#lookup-status');
    await page.getByLabel('User id').fill('a');
    await page.getByRole('button', { name: 'Look up', exact: true }).click();
    await expect.poll(status).toBe('Found, with 0 recent sessions.');
    await dashboard.close();
    await expect
      .poll(status)
      .toMatch(/^As of \d\d:\d\d:\d\d, not refreshed since: the server does not answer/);
    expect(await textOf(page, '.user-total .count')).toBe('3 clicks');
    // While it reads, it knows nobody yet.
    const again = await startDashboard({ port: Number(new URL(dashboard.address).port), runId: 'next' });
    await expect.poll(status).toContain('no clicks of that user');
    expect(await page.locator('.user-total').count()).toBe(0);
    again.total('a', 3);
    await expect.poll(status).toBe('Found, with 0 recent sessions.');
    expect(await textOf(page, '.user-total .count')).toBe('3 clicks');
  });

  test('asks and listens for nothing in a tab that nobody sees', async () => {
    const dashboard = await startDashboard();
    dashboard.total('a', 3);
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    await context.addInitScript(() => {
      let isHidden = true;
      Object.defineProperty(document, 'hidden', { get: () => isHidden });
      Object.assign(window, {
        setHidden: (hidden: boolean) => {
          isHidden = hidden;
          document.dispatchEvent(new Event('visibilitychange'));
        },
      });
    });
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`${dashboard.address}/`);
    expect(dashboard.clients.size).toBe(0);
    await page.evaluate('setHidden(false)');
    await expect.poll(() => connectionOf(page)).toBe('Live');
    await page.getByLabel('User id').fill('a');
    await page.getByRole('button', { name: 'Look up', exact: true }).click();
    await expect.poll(() => textOf(page, '#lookup-status')).toContain('Found');
    await page.evaluate('setHidden(true)');
    await expect.poll(() => dashboard.clients.size).toBe(0);
    await page.waitForTimeout(600);
    asked.length = 0;
    await page.waitForTimeout(1_500);
    expect(asked).toEqual([]);
    await page.evaluate('setHidden(false)');
    await expect.poll(() => asked).toContain('/api/user');
  });

  test('finds users whose ids are names of folders', async () => {
    const dashboard = await startDashboard();
    for (const userId of ['.', '..']) dashboard.total(userId, 7);
    const page = await openPage(dashboard.address);
    for (const userId of ['.', '..']) {
      await page.getByLabel('User id').fill(userId);
      await page.getByRole('button', { name: 'Look up', exact: true }).click();
      await expect.poll(() => page.locator('.user-id').allInnerTexts()).toEqual([userId]);
      expect(await textOf(page, '.user-total .count')).toBe('7 clicks');
    }
  });

  test('tells ids apart that differ in their spaces only', async () => {
    const dashboard = await startDashboard();
    const ids = ['a b', 'a  b', 'a\u00a0b'];
    ids.forEach((userId, index) => {
      dashboard.total(userId, 3 - index);
    });
    const page = await openPage(dashboard.address);
    const names = () => page.locator('#top-users .name .typed').allInnerTexts();
    await expect.poll(names).toEqual(['a b', 'a  b', 'a\\xa0b']);
  });

  test('says so when the server takes a request and does not answer it', async () => {
    const dashboard = await startDashboard();
    dashboard.total('a', 3);
    const page = await openPage(dashboard.address);
    await expect.poll(() => connectionOf(page)).toBe('Live');
    await page.route('**/api/user?**', () => undefined);
    await page.getByLabel('User id').fill('a');
    await page.getByRole('button', { name: 'Look up', exact: true }).click();
    const status = () => textOf(page, '#lookup-status');
    await expect.poll(status).toMatch(/^Nothing to show: no answer for 8 s: .* too many windows/);
    await page.unroute('**/api/user?**');
    await expect.poll(status).toContain('Found');
  });

  test('goes on asking for a window that is final, since a late click may take that back', async () => {
    const dashboard = await startDashboard();
    const nowMs = Date.now();
    const current = Math.floor(nowMs / 60_000) * 60_000;
    const older = current - 60_000;
    feedPage(dashboard.views, nowMs, { page: '/now', windowStart: current, clicks: 3, users: 2 });
    feedPage(dashboard.views, nowMs, { page: '/then', windowStart: older, clicks: 9, users: 5 });
    const page = await openPage(dashboard.address);
    await page.route(
      '**/api/pages?**',
      async (route) => {
        const body = (await (await route.fetch()).json()) as object;
        await route.fulfill({ json: { ...body, final: true } });
      },
      { times: 1 },
    );
    await expect.poll(() => page.locator('#pages-choice option').count()).toBe(2);
    await page.locator('#pages-choice').selectOption(String(older));
    await expect.poll(() => textOf(page, '#pages-window')).toContain('final');
    feedPage(dashboard.views, nowMs, { page: '/then', windowStart: older, clicks: 10, users: 5 });
    await expect.poll(() => rowsOf(page, '#top-pages')).toEqual([['/then', 10]]);
    expect(await textOf(page, '#pages-window')).toContain('still counting');
  });

  test('listens to the clicks only while they are in view, or held', async () => {
    const dashboard = await startDashboard();
    const page = await openPage(dashboard.address, { viewport: { width: 375, height: 600 } });
    await expect.poll(() => connectionOf(page)).toBe('Live');
    expect(dashboard.clients.size).toBe(1);
    await page.locator('#clicks').scrollIntoViewIfNeeded();
    await expect.poll(() => dashboard.clients.size).toBe(2);
    await page.locator('h1').scrollIntoViewIfNeeded();
    await expect.poll(() => dashboard.clients.size).toBe(1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.locator('h1').scrollIntoViewIfNeeded();
    await expect.poll(() => dashboard.clients.size).toBe(2);
    dashboard.click(clickOf({ userId: 'a', url: '/' }));
    await expect.poll(() => textOf(page, '#clicks-note')).toBe('paused; 1 click since');
  });

  test('shows the pages of an older window when that is chosen, and the current one again', async () => {
    const dashboard = await startDashboard();
    const nowMs = Date.now();
    const current = Math.floor(nowMs / 60_000) * 60_000;
    const older = current - 120_000;
    feedPage(dashboard.views, nowMs, { page: '/now', windowStart: current, clicks: 3, users: 2 });
    feedPage(dashboard.views, nowMs, { page: '/then', windowStart: older, clicks: 9, users: 5 });
    const page = await openPage(dashboard.address);
    await expect.poll(() => rowsOf(page, '#top-pages')).toEqual([['/now', 3]]);
    const choice = page.locator('#pages-choice');
    expect(await choice.locator('option').count()).toBe(2);
    await choice.selectOption(String(older));
    await expect.poll(() => rowsOf(page, '#top-pages')).toEqual([['/then', 9]]);
    // It is asked for again while it may change, and stays chosen when others come.
    feedPage(dashboard.views, nowMs, { page: '/then', windowStart: older, clicks: 10, users: 5 });
    feedPage(dashboard.views, nowMs, { page: '/before', windowStart: older - 60_000, clicks: 1, users: 1 });
    dashboard.changed();
    await expect.poll(() => rowsOf(page, '#top-pages')).toEqual([['/then', 10]]);
    expect(await choice.inputValue()).toBe(String(older));
    expect(await choice.locator('option').count()).toBe(3);
    await choice.selectOption('current');
    await expect.poll(() => rowsOf(page, '#top-pages')).toEqual([['/now', 3]]);
  });

  test('says why there are no figures when no more viewers are taken', async () => {
    const dashboard = await startDashboard({ maxClients: 0 });
    const page = await openPage(dashboard.address);
    await expect.poll(() => textOf(page, '#notice')).toContain('as many clients as there may be');
    await page.locator('#clicks').scrollIntoViewIfNeeded();
    await expect.poll(() => textOf(page, '#live-clicks .empty')).toContain('as many clients as there may be');
    expect(await connectionOf(page)).toBe('No figures, trying again…');
    expect(await page.locator('main').innerText()).not.toMatch(/No clicks are counted|None: every click/);
    expect(await textOf(page, '#top-users .empty')).toBe('No figures yet.');
    await expectAccessible(page);
    await page.screenshot({ path: join(SCREENSHOTS, 'refused.png'), fullPage: true });
  });

  test('tells pages apart that look alike because they are cut, and says when their order is held', async () => {
    const dashboard = await startDashboard();
    const nowMs = Date.now();
    const windowStart = Math.floor(nowMs / 60_000) * 60_000;
    const feed = (name: string, clicks: number) => {
      feedPage(dashboard.views, nowMs, { page: name, windowStart, clicks, users: 1 });
    };
    feed(`/${'x'.repeat(300)}1`, 30);
    feed(`/${'x'.repeat(300)}2`, 20);
    feed('/a', 10);
    const page = await openPage(dashboard.address);
    const counts = () => page.locator('#top-pages .count').allInnerTexts();
    await expect.poll(counts).toEqual(['30', '20', '10']);
    const rows = page.locator('#top-pages li');
    await rows.evaluateAll((items) => {
      for (const [index, item] of items.entries()) item.setAttribute('data-seen', String(index));
    });
    dashboard.total('a', 1);
    await expect.poll(() => numberOf(page, '#total-clicks')).toBe(1);
    expect(await rows.evaluateAll((items) => items.map((item) => item.getAttribute('data-seen')))).toEqual([
      '0',
      '1',
      '2',
    ]);
    await rows.first().hover();
    feed('/a', 40);
    dashboard.changed();
    await expect.poll(() => textOf(page, '#top-pages .held')).toBe('order held while you point');
    expect(await counts()).toEqual(['30', '20', '40']);
    await page.locator('h1').hover();
    await expect.poll(counts).toEqual(['40', '30', '20']);
    expect(await page.locator('#top-pages .held').innerText()).toBe('');
  });

  test('shows nothing of the window before under the one that is chosen', async () => {
    const dashboard = await startDashboard();
    const nowMs = Date.now();
    const current = Math.floor(nowMs / 60_000) * 60_000;
    feedPage(dashboard.views, nowMs, { page: '/now', windowStart: current, clicks: 3, users: 2 });
    feedPage(dashboard.views, nowMs, { page: '/then', windowStart: current - 60_000, clicks: 9, users: 5 });
    const page = await openPage(dashboard.address);
    await expect.poll(() => rowsOf(page, '#top-pages')).toEqual([['/now', 3]]);
    const height = await page.locator('#top-pages .ranking').evaluate((list) => list.clientHeight);
    await page.route('**/api/pages?**', (route) => route.abort());
    await page.locator('#pages-choice').selectOption(String(current - 60_000));
    await expect
      .poll(() => textOf(page, '#top-pages .empty'))
      .toBe('Nothing to show: the server does not answer.');
    expect(await page.locator('#top-pages .empty').evaluate((text) => text.clientHeight)).toBe(height);
    await page.unroute('**/api/pages?**');
    await expect.poll(() => rowsOf(page, '#top-pages')).toEqual([['/then', 9]]);
    // Rows wait for their next move; those of another window must not stand there until then.
    const names = await page.locator('#pages-choice').evaluate((choice: HTMLSelectElement) => {
      choice.value = 'current';
      choice.dispatchEvent(new Event('change'));
      return [...document.querySelectorAll('#top-pages .name .typed')].map(({ textContent }) => textContent);
    });
    expect(names).toEqual(['/now']);
  });

  test('offers no filter for what is no page, and holds no count of what has left the list', async () => {
    const dashboard = await startDashboard();
    const nowMs = Date.now();
    const windowStart = Math.floor(nowMs / 60_000) * 60_000;
    for (const [page, clicks] of [
      ['(other)', 30],
      [`/${'x'.repeat(300)}`, 20],
      ['/a', 10],
    ] as const)
      feedPage(dashboard.views, nowMs, { page, windowStart, clicks, users: 1 });
    for (let user = 1; user <= 10; user += 1) dashboard.total(`u${user}`, user);
    const page = await openPage(dashboard.address);
    await expect.poll(() => page.locator('#top-pages li').count()).toBe(3);
    expect(await page.locator('#top-pages button .typed').allInnerTexts()).toEqual(['/a']);
    await page.locator('#top-users .name').first().focus();
    dashboard.total('newcomer', 100);
    await expect
      .poll(() => page.locator('#top-users .count').allInnerTexts())
      .toEqual([...Array.from({ length: 9 }, (_, index) => String(10 - index)), '–']);
    expect(await page.locator('#top-users .gone .name .typed').allInnerTexts()).toEqual(['u1']);
    expect(await page.locator('#top-users .gone .bar').isVisible()).toBe(false);
    expect(await textOf(page, '#users-note')).toBe('the busiest of 11 users');
  });

  test('shows live clicks, filtered and held', async () => {
    const dashboard = await startDashboard();
    const page = await openPage(dashboard.address);
    let offset = 0n;
    const click = (userId: string, url: string) => {
      dashboard.click(clickOf({ userId, url }), 0, (offset += 1n));
    };
    const users = () => page.locator('.clicks-list .name .typed').allInnerTexts();
    await expect.poll(() => dashboard.clients.size).toBe(2);
    click('a', '/one');
    await expect.poll(users).toEqual(['a']);
    await page.getByRole('button', { name: 'Pause' }).click();
    click('b', '/two');
    await expect.poll(() => textOf(page, '#clicks-note')).toBe('paused; 1 click since');
    expect(await users()).toEqual(['a']);
    // All clicks on that path are shown, and the field says so.
    await page.getByRole('textbox', { name: 'Page' }).fill('/two?x=2');
    await page.getByRole('button', { name: 'Apply' }).click();
    expect(await page.getByRole('textbox', { name: 'Page' }).inputValue()).toBe('/two');
    await expect.poll(() => textOf(page, '#live-clicks .empty')).toContain('that user or page');
    await expect
      .poll(async () => {
        click('c', '/one');
        click('d', '/two?x=1');
        return new Set(await users());
      })
      .toEqual(new Set(['d']));
    await page.getByRole('textbox', { name: 'Page' }).fill('');
    await expect
      .poll(async () => {
        click('c', '/one');
        return new Set(await users());
      })
      .toEqual(new Set(['c']));
  });

  test('holds the live clicks while somebody points at them or has the focus there, and says so', async () => {
    const dashboard = await startDashboard();
    const page = await openPage(dashboard.address);
    let offset = 0n;
    const click = (userId: string) => {
      dashboard.click(clickOf({ userId, url: '/' }), 0, (offset += 1n));
    };
    const users = () => page.locator('.clicks-list .name .typed').allInnerTexts();
    const note = () => textOf(page, '#clicks-note');
    await expect.poll(() => dashboard.clients.size).toBe(2);
    dashboard.total('a', 9);
    click('a');
    await expect.poll(users).toEqual(['a']);
    const row = page.locator('.clicks-list .name').first();
    await row.hover();
    await expect.poll(note).toBe('held while you point; 0 clicks since');
    click('b');
    await expect.poll(note).toBe('held while you point; 1 click since');
    expect(await users()).toEqual(['a']);
    await page.mouse.down();
    click('c');
    await expect.poll(note).toMatch(/2 clicks since$/);
    await page.mouse.up();
    await expect.poll(() => textOf(page, '.user-id')).toBe('a');
    await page.locator('h1').hover();
    click('d');
    await expect.poll(users).toEqual(['d', 'a']);
    // The row that was there is the same one.
    await row.focus();
    await expect.poll(note).toBe('held while you choose; 0 clicks since');
    click('e');
    await expect.poll(note).toBe('held while you choose; 1 click since');
    expect(await row.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.locator('#clicks-user').focus();
    click('f');
    await expect.poll(users).toEqual(['f', 'd', 'a']);
    await expect.poll(note).toBe('every click is shown');
  });
});

describe.each([375, 1_440])('the states of the page at %d px', (width) => {
  const open = async (dashboard: Awaited<ReturnType<typeof startDashboard>>) =>
    openPage(dashboard.address, { viewport: { width, height: 1_000 }, reducedMotion: 'reduce' });
  const look = async (page: Page, name: string) => {
    await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}.png`), fullPage: true });
    await expectNoOverflow(page);
    await expectAccessible(page);
  };
  const empties = (page: Page) => page.locator('main .empty:visible').allInnerTexts();

  test('loading is not the same as nothing', async () => {
    const dashboard = await startDashboard();
    const page = await openPage(dashboard.address, {
      viewport: { width, height: 1_000 },
      reducedMotion: 'reduce',
      prepare: (prepared) => prepared.route('**/api/stream', () => undefined),
    });
    expect(await connectionOf(page)).toBe('Connecting…');
    expect(new Set(await empties(page))).toEqual(new Set(['Loading…', 'Waiting for the next click…']));
    await look(page, 'loading');
  });

  test('nothing yet, and dead letters not all read', async () => {
    const dashboard = await startDashboard();
    const page = await open(dashboard);
    await expect.poll(() => textOf(page, '#top-users .empty')).toBe('No clicks are counted yet.');
    expect(await textOf(page, '#top-pages .empty')).toBe('No click has come into this window yet.');
    // They are read last: none yet is not none.
    expect(await textOf(page, '#dead-letters .empty')).toBe('Reading what was counted before…');
    feedDeadLetter(dashboard.views, Date.now(), { reason: 'malformed', detail: '', value: '', offset: 0 });
    dashboard.changed();
    await expect.poll(() => textOf(page, '#letters-note')).toMatch(/^at least 1 click not counted/);
    expect(await textOf(page, '#dead-letters .counted')).toContain('≥ 1');
  });

  test('nothing at all', async () => {
    const dashboard = await startDashboard();
    dashboard.views.deadLetters.setComplete();
    const page = await open(dashboard);
    await expect.poll(() => textOf(page, '#top-users .empty')).toBe('No clicks are counted yet.');
    expect(await textOf(page, '#dead-letters .empty')).toBe('None: every click could be counted in time.');
    await look(page, 'empty');
  });

  test('reading, and silent', async () => {
    const notReady = { code: 'silent', reason: 'no answer from Kafka' } as const;
    const dashboard = await startDashboard({ isReady: false, notReady });
    const page = await open(dashboard);
    await expect.poll(() => textOf(page, '#top-users .empty')).toBe('Reading what was counted before…');
    expect(await textOf(page, '#dead-letters .empty')).toBe('Reading what was counted before…');
    await look(page, 'reading');
    feedExample(dashboard.views, Date.now());
    dashboard.changed();
    await expect.poll(() => connectionOf(page)).toMatch(/^Stale.*: Kafka is silent$/);
    await expect.poll(() => textOf(page, '#total-clicks')).not.toBe('0');
    await look(page, 'silent');
  });

  test('paused, and stale', async () => {
    const dashboard = await startDashboard();
    feedExample(dashboard.views, Date.now());
    const page = await open(dashboard);
    await page.locator('#clicks').scrollIntoViewIfNeeded();
    await expect.poll(() => dashboard.clients.size).toBe(2);
    dashboard.click(clickOf({ userId: 'user-1', url: '/' }));
    await expect.poll(() => page.locator('.clicks-list li').count()).toBe(1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect.poll(() => textOf(page, '#clicks-note')).toBe('paused; 0 clicks since');
    await look(page, 'paused');
    await dashboard.close();
    await expect.poll(() => connectionOf(page), { timeout: 60_000 }).toMatch(/^Stale since/);
    await look(page, 'stale');
  });
});

test('is loaded anew once for a server of another version, and says so if that did not help', async () => {
  const dashboard = await startDashboard();
  let loads = 0;
  const page = await openPage(dashboard.address, {
    prepare: async (prepared) => {
      prepared.on('load', () => {
        loads += 1;
      });
      await prepared.route('**/api/stream', (route) =>
        route.fulfill({
          contentType: 'text/event-stream',
          body: `event: snapshot\ndata: {"overview":{"now":0},"settings":{"version":2}}\n\n`,
        }),
      );
    },
  });
  await expect.poll(() => textOf(page, '#notice')).toContain('reload the page');
  expect(loads).toBe(2);
  expect(await connectionOf(page)).toBe('No figures, trying again…');
});

describe('what somebody typed', () => {
  test('stays text, executes nothing and leaves its place nowhere', async () => {
    const dashboard = await startDashboard();
    const nowMs = Date.now();
    HOSTILE_TEXTS.forEach((text, index) => {
      feedTotal(dashboard.views, nowMs, text, 100 - index, `/${text}`);
      feedDeadLetter(dashboard.views, nowMs, {
        reason: 'malformed',
        detail: text,
        value: text.repeat(30),
        offset: index,
      });
    });
    const reasons = ['future', 'too-large', 'late'] as const;
    reasons.forEach((reason, index) => {
      const text = HOSTILE_REJECTED_TEXTS[index] ?? '';
      feedDeadLetter(dashboard.views, nowMs, {
        ...{ reason, detail: text.slice(0, 1_000), value: text },
        offset: HOSTILE_TEXTS.length + index,
      });
    });
    const page = await openPage(dashboard.address, { viewport: { width: 375, height: 800 } });
    const shown = HOSTILE_TEXTS.map(shownHostile);
    await expect.poll(() => page.locator('#top-users .name .typed').allInnerTexts()).toEqual(shown);
    await page.locator('#clicks').scrollIntoViewIfNeeded();
    await expect.poll(() => dashboard.clients.size).toBe(2);
    dashboard.click(clickOf({ userId: HOSTILE_TEXTS[0] ?? '', url: `/${HOSTILE_TEXTS[1] ?? ''}` }));
    await expect
      .poll(() => page.locator('.clicks-list .typed').allInnerTexts())
      .toEqual([shown[0], `/${shown[1] ?? ''}`]);
    for (const summary of await page.locator('summary').all()) await summary.click();
    const excerpts = await page.locator('#dead-letters .excerpt').allInnerTexts();
    for (const text of HOSTILE_REJECTED_TEXTS) {
      const beginning = shownHostile(text.slice(0, 400));
      expect(excerpts.some((excerpt) => excerpt.startsWith(beginning))).toBe(true);
    }
    for (const text of HOSTILE_TEXTS) {
      await page.getByLabel('User id').fill(text);
      await page.getByRole('button', { name: 'Look up', exact: true }).click();
      await expect.poll(() => page.locator('.user-id').allInnerTexts()).toEqual([shownHostile(text)]);
    }
    expect(await page.evaluate('window.isHarmed')).toBeUndefined();
    expect(await page.locator('main img, main script, main svg').count()).toBe(0);
    await expectNoOverflow(page);
    await expectAccessible(page);
    await page.screenshot({ path: join(SCREENSHOTS, 'hostile.png'), fullPage: true });
  });
});

describe.each([375, 1_440])('at %d px', (width) => {
  test.each(['light', 'dark'] as const)(
    'in %s, nothing overflows and axe finds nothing',
    async (colorScheme) => {
      const dashboard = await startDashboard();
      feedExample(dashboard.views, Date.now());
      const page = await openPage(dashboard.address, {
        viewport: { width, height: 1_000 },
        colorScheme,
        reducedMotion: 'reduce',
      });
      await expect.poll(() => connectionOf(page)).toBe('Live');
      await page.locator('#clicks').scrollIntoViewIfNeeded();
      await expect.poll(() => dashboard.clients.size).toBe(2);
      for (let index = 0; index < 12; index += 1) {
        const url = ['/pricing', '/docs/api', '/', '/login?next=/docs'][index % 4] ?? '/';
        const rows = Math.min(index, 10);
        for (let click = 0; click < 65; click += 1) dashboard.views.rate.add(Date.now(), Date.now());
        await expect.poll(() => page.locator('.clicks-list li').count()).toBe(rows);
        dashboard.click(clickOf({ userId: `user-${1_000 + index * 37}`, url }), 0, BigInt(index));
      }
      await expect.poll(() => page.locator('.clicks-list .name').first().innerText()).toContain('user-1407');
      await page.getByLabel('User id').fill('user-1000');
      await page.getByRole('button', { name: 'Look up', exact: true }).click();
      await expect.poll(() => page.locator('.sessions li').count()).toBe(3);
      await page.locator('summary').first().click();
      await page.locator('h1').click();
      await page.screenshot({ path: join(SCREENSHOTS, `${width}-${colorScheme}.png`), fullPage: true });
      await expectNoOverflow(page);
      // What is seen first, as the README has it.
      await page.screenshot({
        path: join(SCREENSHOTS, `top-${width}-${colorScheme}.png`),
        clip: { x: 0, y: 0, width, height: 880 },
      });
      await expectAccessible(page);
    },
  );
});

/** Of so many rounds, each some seconds without clicks and then as many with them: what else the machine does changes. */
const SMOOTH_ROUNDS = 3;
const SMOOTH_MS = 2_000;

test('stays smooth at 5,000 clicks a second', async ({ annotate }) => {
  const dashboard = await startDashboard();
  feedExample(dashboard.views, Date.now());
  const page = await openPage(dashboard.address);
  await expect.poll(() => dashboard.clients.size).toBe(2);
  await page.evaluate(() => {
    const measured = { isOn: false, frames: [] as number[] };
    let last = performance.now();
    const frame = (now: number) => {
      if (measured.isOn) measured.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    Object.assign(window, { measured });
  });
  /** How far the frames of the tab are apart while something goes on, ms. */
  const framesDuring = async (goOn: () => Promise<void>) => {
    await page.evaluate('Object.assign(measured, { isOn: true, frames: [] })');
    await goOn();
    return page.evaluate<number[]>('(measured.isOn = false, measured.frames)');
  };
  const before = await numberOf(page, '#total-clicks');
  const clicks = new Map<string, number>();
  let sent = 0;
  const feed = async () => {
    const [startedAt, sentBefore] = [performance.now(), sent];
    while (performance.now() - startedAt < SMOOTH_MS) {
      const due = sentBefore + ((performance.now() - startedAt) / 1_000) * 5_000;
      for (; sent < due; sent += 1) {
        const nowMs = Date.now();
        const userId = `u${Math.floor(1_000 ** Math.random())}`;
        const url = `/page${sent % 40}`;
        clicks.set(userId, (clicks.get(userId) ?? 0) + 1);
        feedTotal(dashboard.views, nowMs, userId, clicks.get(userId) ?? 0, url);
        dashboard.views.rate.add(nowMs, nowMs);
        dashboard.click(clickOf({ userId, url }), 0, BigInt(sent));
      }
      dashboard.changed();
      await page.waitForTimeout(20);
    }
  };
  const idle: number[] = [];
  const busy: number[] = [];
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline'] });
  for (let round = 0; round < SMOOTH_ROUNDS; round += 1) {
    idle.push(...(await framesDuring(() => page.waitForTimeout(SMOOTH_MS))));
    busy.push(...(await framesDuring(feed)));
    // Until all rows are where they belong.
    await expect.poll(() => numberOf(page, '#total-clicks')).toBe(before + sent);
    await page.waitForTimeout(1_500);
  }
  const tasks = taskTimes(await browser.stopTracing());
  const [longest = NaN, , third = NaN] = tasks.toSorted((first, second) => second - first);
  const all = tasks.reduce((sum, task) => sum + task, 0);
  const [idle50, idle95, busy50, busy95] = [idle, busy].flatMap((frames) => {
    const sorted = frames.toSorted((first, second) => first - second);
    return [0.5, 0.95].map((part) => sorted[Math.floor(sorted.length * part)] ?? NaN);
  }) as [number, number, number, number];
  await annotate(
    `${sent} clicks in ${(SMOOTH_ROUNDS * SMOOTH_MS) / 1_000} s: frames p50 ${busy50.toFixed(1)} ms, p95 ${busy95.toFixed(1)} ms (without clicks ${idle50.toFixed(1)} and ${idle95.toFixed(1)} ms); ${tasks.length} tasks of ${all.toFixed(0)} ms in all, the longest ${longest.toFixed(0)} ms`,
  );
  // What the page does itself, whatever else the machine does.
  expect(tasks.length).toBeGreaterThan(100);
  // One or two may be the garbage collector's.
  expect(third).toBeLessThan(50);
  expect(all).toBeLessThan((SMOOTH_ROUNDS * SMOOTH_MS) / 2);
  // What comes of it: the same tab without clicks tells how late the machine lets it draw.
  expect(busy50).toBeLessThan(2 * idle50 + 17);
  expect(busy95).toBeLessThan(2 * idle95 + 100);
});

/** How long the page's own thread was at work for each task of a trace, ms: time on a core, not time that it waited for one. */
function taskTimes(trace: Buffer): number[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
  const pageThreads = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(threadOf),
  );
  return traceEvents
    .filter((event) => event.name === 'RunTask' && pageThreads.has(threadOf(event)))
    .map(({ tdur = 0 }) => tdur / 1_000);
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly args: { readonly name?: string };
  /** Time on a core, µs. */
  readonly tdur?: number;
}

/** A click of this moment, as it stands in the topic. */
function clickOf(click: { userId: string; url: string }): string {
  return encodeClickEvent({ ...click, timestamp: Date.now(), eventId: randomUUID() }, 'json');
}
