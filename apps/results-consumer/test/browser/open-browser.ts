import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { packagedChromium } from './packaged-chromium.ts';

/** Where there is no Chrome for Linux, its distributions have these. */
const CHROMIUM_COMMANDS = ['chromium', 'chromium-browser'];

/**
 * A Chromium without a window: on Linux (x64) the one out of an npm package, so that a fresh machine needs nothing; elsewhere
 * the Chrome or, on other Linux machines, the Chromium that is installed.
 *
 * @throws Error if there is none, saying what to install.
 */
export async function openBrowser(): Promise<Browser> {
  if (process.platform !== 'linux') return openInstalled({ channel: 'chrome' }, 'Chrome');
  if (process.arch === 'x64') return chromium.launch({ ...(await packagedChromium()), headless: true });
  const executablePath = commandPath(CHROMIUM_COMMANDS);
  return openInstalled({ executablePath: executablePath ?? 'chromium' }, 'Chromium');
}

async function openInstalled(
  where: { readonly channel: string } | { readonly executablePath: string },
  name: string,
): Promise<Browser> {
  try {
    return await chromium.launch({ ...where, headless: true });
  } catch (error) {
    const how =
      name === 'Chrome' ? 'from https://www.google.com/chrome/' : 'such as by `apt-get install chromium`';
    throw new Error(`the browser tests need ${name} here: install it, ${how}`, { cause: error });
  }
}

/** The first of these commands that there is. */
function commandPath(commands: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders
    .flatMap((folder) => commands.map((command) => join(folder, command)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
