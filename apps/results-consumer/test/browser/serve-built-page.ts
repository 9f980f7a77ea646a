import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** They are of the file that the server has, if it has one. */
const OF_THE_FILE = ['content-length', 'content-encoding', 'content-type', 'etag', 'last-modified'];

/**
 * Lets a page get its files out of a folder, with all else that the server answers, its policy too. The server's own folder
 * is the app's, which a development server of somebody may be serving just now: a test must not build into it.
 */
export async function serveBuiltPage(page: Page, address: string, folder: string): Promise<void> {
  const { origin } = new URL(address);
  const fileOf = (url: URL) => join(folder, url.pathname === '/' ? 'index.html' : url.pathname);
  await page.route(
    (url) => url.origin === origin && existsSync(fileOf(url)) && statSync(fileOf(url)).isFile(),
    async (route) => {
      const response = await route.fetch();
      const headers = Object.fromEntries(
        Object.entries(response.headers()).filter(([name]) => !OF_THE_FILE.includes(name)),
      );
      await route.fulfill({ status: 200, headers, path: fileOf(new URL(route.request().url())) });
    },
  );
}
