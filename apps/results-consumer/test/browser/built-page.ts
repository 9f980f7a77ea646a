import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** The page as its sources are now, built into a folder of its own. The caller removes it. */
export async function builtPage(): Promise<{ readonly folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'clickstream-page-'));
  const app = fileURLToPath(new URL('../..', import.meta.url));
  await build({
    configFile: join(app, 'vite.config.ts'),
    root: join(app, 'web'),
    logLevel: 'warn',
    build: { outDir: folder, emptyOutDir: true },
  });
  return {
    folder,
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}
