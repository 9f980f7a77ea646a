import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execaNode } from 'execa';
import { superviseProcess, type BenchProcess } from './bench-process.ts';
import type { BenchEnvironment } from './bench-topics.ts';

const main = fileURLToPath(new URL('../../apps/results-consumer/dist/main.js', import.meta.url));

/** The real dashboard as a process of its own, at this address. */
export interface DashboardProcess extends BenchProcess {
  readonly address: string;
}

/** Starts the real dashboard, as it is built, and waits until it shows everything that is there. */
export async function startDashboard(environment: BenchEnvironment): Promise<DashboardProcess> {
  const port = await freePort();
  const child = execaNode(main, ['serve'], {
    // As docker-compose.yml, `pnpm dev` and `pnpm results-consumer` start it.
    nodeOptions: ['--max-semi-space-size=4'],
    // Away from the workspace and whatever .env is there.
    cwd: tmpdir(),
    env: { LOG_LEVEL: 'warn', ...environment, DASHBOARD_PORT: String(port) },
    reject: false,
    buffer: false,
  });
  const dashboard = await superviseProcess('the dashboard', child);
  return { ...dashboard, address: `http://127.0.0.1:${port}` };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
