import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface PackagedChromium {
  readonly executablePath: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The Chromium of the npm package, unpacked into a folder under the system's temporary one, where it stays for the next
 * time; with the libraries of the package where the system has none, and its font beside those of the system.
 */
export async function packagedChromium(): Promise<PackagedChromium> {
  const folder = await unpacked();
  const executablePath = join(folder, 'chromium');
  const env: NodeJS.ProcessEnv = { ...process.env };
  if (await lacksLibraries(executablePath))
    env['LD_LIBRARY_PATH'] = [join(folder, 'al2023', 'lib'), env['LD_LIBRARY_PATH']]
      .filter(Boolean)
      .join(':');
  env['FONTCONFIG_FILE'] = join(folder, 'fonts.conf');
  return { executablePath, env };
}

/**
 * The folder appears with all that is in it, or not at all: tests run side by side, and one may be interrupted. Of two that unpack at
 * the same time, one has done it for nothing.
 */
async function unpacked(): Promise<string> {
  const manifest = new URL('../package.json', import.meta.resolve('@sparticuz/chromium'));
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const folder = join(tmpdir(), `clickstream-chromium-${version}-${userInfo().uid}`);
  const isThere = existsSync(folder);
  if (isThere && isWhole(folder)) return folder;
  // What cleans the temporary folder may have taken a part of it.
  if (isThere) rmSync(folder, { recursive: true });
  const made = mkdtempSync(`${folder}-`);
  try {
    const script = fileURLToPath(new URL('unpack-chromium.ts', import.meta.url));
    await run(process.execPath, [script], { env: { ...process.env, TMPDIR: made } });
    writeFileSync(join(made, 'fonts.conf'), fontsConfiguration(folder));
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (!isWhole(folder)) throw new Error(`unpacking Chromium into ${made}`, { cause: error });
  }
  return folder;
}

/** Whether all is there, and our own: others may write to the temporary folder. */
function isWhole(folder: string): boolean {
  const parts = ['chromium', 'fonts', 'fonts.conf', 'al2023/lib/libnss3.so'];
  return parts.every((part) => existsSync(join(folder, part))) && statSync(folder).uid === userInfo().uid;
}

/** Whether the loader does not find all that it is linked against. */
async function lacksLibraries(executablePath: string): Promise<boolean> {
  const { stdout } = await run('ldd', [executablePath]);
  return stdout.includes('not found');
}

/** The fonts of the system, if it has any, and the package's: without one, no text has any width. */
function fontsConfiguration(folder: string): string {
  const own = `<dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir>`;
  return `<fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>${own}</fontconfig>\n`;
}
