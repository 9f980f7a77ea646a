import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Copies the patched kafkajs into `dist/vendor/kafkajs`, where `#kafkajs` of package.json finds it once built.
 * A dependency on kafkajs would not do: pnpm applies its patches in this workspace only, so that whoever
 * installs the tarball would get the published client, which loses acknowledged records.
 */
const require = createRequire(import.meta.url);
const source = dirname(require.resolve('kafkajs/package.json'));
const target = join(import.meta.dirname, '..', 'dist', 'vendor', 'kafkajs');

const { clickstreamPatch } = require('kafkajs') as { clickstreamPatch?: number };
if (clickstreamPatch === undefined)
  throw new Error(`${source} is not patched: run pnpm install at the root of the workspace`);
const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const part of ['package.json', 'LICENSE', 'index.js', 'src', 'types'])
  cpSync(join(source, part), join(target, part), { recursive: true, dereference: true });
console.log(`vendored kafkajs ${version} with patch ${clickstreamPatch}`);
