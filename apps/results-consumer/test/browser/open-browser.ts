import sparticuz from '@sparticuz/chromium';
import { chromium, type Browser } from 'playwright-core';

/**
 * A Chromium without a window: on Linux the one out of an npm package, so that a fresh machine needs nothing; elsewhere
 * the Chrome that is installed.
 *
 * @throws Error if there is none, saying what to install.
 */
export async function openBrowser(): Promise<Browser> {
  if (process.platform === 'linux' && process.arch === 'x64') {
    // Its path is under the system's temporary folder, where it is unpacked once.
    const executablePath = await sparticuz.executablePath();
    return chromium.launch({ executablePath, headless: true });
  }
  try {
    return await chromium.launch({ channel: 'chrome', headless: true });
  } catch (error) {
    throw new Error('the browser tests need Chrome here: install it from https://www.google.com/chrome/', {
      cause: error,
    });
  }
}
