import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

export interface WatchedPageOptions extends BrowserContextOptions {
  /** What is to be done before the page is there. */
  readonly prepare?: (page: Page) => Promise<unknown>;
}

/** Opens a page; the test fails if it throws, breaks its policy, or asks anybody but its own server. */
export async function openWatchedPage(
  browser: Browser,
  address: string,
  { prepare, ...options }: WatchedPageOptions = {},
): Promise<Page> {
  const context = await browser.newContext({
    locale: 'en-GB',
    viewport: { width: 1_440, height: 1_000 },
    ...options,
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('dialog', (dialog) => {
    faults.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (entry) => {
    if (/content security policy/i.test(entry.text())) faults.push(entry.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${address}/`)) faults.push(`request of ${request.url()}`);
  });
  onTestFinished(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  await prepare?.(page);
  await page.goto(`${address}/`);
  return page;
}

export function textOf(page: Page, selector: string): Promise<string> {
  return page.locator(selector).first().innerText();
}

/** A figure; NaN while there is none. */
export async function numberOf(page: Page, selector: string): Promise<number> {
  return Number((await textOf(page, selector)).replaceAll(',', ''));
}

export function connectionOf(page: Page): Promise<string> {
  return textOf(page, '#connection');
}

/** Names and counts of a ranking, in the order in which they are shown. */
export async function rowsOf(page: Page, selector: string): Promise<[name: string, count: number][]> {
  const [names, counts] = await Promise.all([
    page.locator(`${selector} .name .typed`).allInnerTexts(),
    page.locator(`${selector} .count`).allInnerTexts(),
  ]);
  return names.map((name, index) => [name, Number(counts[index]?.replaceAll(',', ''))]);
}
