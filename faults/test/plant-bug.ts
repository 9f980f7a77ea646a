import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { PLANTED_BUGS } from './planted-bugs.ts';

/**
 * Loaded into an app before its program: plants the bug that its query names into the engine's source, as it is loaded.
 * The process ends when a text to be changed is not there any more.
 */
const name = new URL(import.meta.url).searchParams.get('bug');
const bug = PLANTED_BUGS.find((one) => one.name === name);
if (!bug) throw new Error(`no bug ${String(name)}`);

const { file, from, to } = bug;
registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/packages/kafka-client/src/${file}`)) return loaded;
    const parts = readFileSync(new URL(url), 'utf8').split(from);
    if (parts.length !== 2)
      throw new Error(`planting "${bug.name}": ${file} has ${parts.length - 1} times what is to be changed`);
    process.stderr.write(`planted: ${bug.name}\n`);
    return { ...loaded, source: parts.join(to) };
  },
});
