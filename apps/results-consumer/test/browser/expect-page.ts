import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** axe finds nothing wrong with the page as it is now. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
}

/** Nothing is wider than the window, leaves its card, or is higher than its row. */
export async function expectNoOverflow(page: Page): Promise<void> {
  // The chart follows a window that was resized a frame later.
  await expect.poll(() => overflowOf(page)).toEqual([]);
}

function overflowOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth !== clientWidth) found.push(`page: ${scrollWidth} of ${clientWidth} px`);
    const isClipped = (inner: Element, card: Element) => {
      for (let each = inner.parentElement; each && each !== card; each = each.parentElement)
        if (getComputedStyle(each).overflowX !== 'visible') return true;
      return false;
    };
    for (const card of document.querySelectorAll('.card')) {
      const { left, right } = card.getBoundingClientRect();
      for (const inner of card.querySelectorAll('*:not(.hidden-text)')) {
        const box = inner.getBoundingClientRect();
        if (box.width === 0 || (box.left >= left && box.right <= right) || isClipped(inner, card)) continue;
        found.push(`${inner.outerHTML.slice(0, 80)} is ${box.left}–${box.right} in ${left}–${right}`);
      }
    }
    for (const row of document.querySelectorAll('.ranking li, .clicks-list li'))
      if (row.scrollHeight > row.clientHeight + 1)
        found.push(`${row.textContent.slice(0, 80)} is ${row.scrollHeight} px high in ${row.clientHeight}`);
    return found;
  });
}
