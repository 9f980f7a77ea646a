import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Loaded into an app before its program: at each SIGUSR2 it collects its garbage and says on standard error what it holds then, memory in
 * bytes.
 */
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
let times = 0;
process.on('SIGUSR2', () => {
  collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  const handles = process.getActiveResourcesInfo().length;
  process.stderr.write(
    `holdings ${++times}: ${JSON.stringify({ handles, heap: heapUsed + external, memory: rss })}\n`,
  );
});
