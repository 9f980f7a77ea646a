import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, ExecaError } from 'execa';
import { startBroker } from '../packages/local-kafka/src/index.ts';
import { deploySteps, DEPLOYED_APPS } from './deploy-steps.ts';
import { startDeployedApp, type DeployedApp } from './deployed-app.ts';
import { installedPackages, problemsOfDeployedFolder } from './deployed-folder.ts';
import { pnpmCommand } from './pnpm-command.ts';

/**
 * `pnpm deploy:check`: what the apps' Dockerfiles do, on a machine without Docker. Each app is pruned, installed, built
 * and deployed in folders outside the workspace, looked over, and then all three run there on a real broker.
 */
const WORKSPACE = join(import.meta.dirname, '..');
const CLICKS = 200;
const USERS = 7;

const temporary = mkdtempSync(join(tmpdir(), 'clickstream-deploy-'));
process.once('exit', () => {
  rmSync(temporary, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const startedAt = performance.now();
try {
  const folders = new Map<string, string>();
  for (const app of DEPLOYED_APPS) folders.set(app, await deploy(app));
  await runPipeline(folders);
  console.log(`deploy:check passed in ${secondsSince(startedAt)} s`);
} catch (error) {
  console.error(`deploy:check failed: ${describe(error)}`);
  process.exitCode = 1;
}
// A broker or an app that is left over ends with this process.
process.exit();

/** Takes an app through the stages of its Dockerfile. Resolves to the deployed folder. */
async function deploy(app: string): Promise<string> {
  const steps = deploySteps(app);
  const pruned = join(temporary, app, 'pruned');
  const workspace = join(temporary, app, 'workspace');
  const deployed = join(temporary, app, 'deployed');

  await step(app, 'prune', `${steps.prune} --out-dir ${pruned}`, WORKSPACE);
  cpSync(join(pruned, 'json'), workspace, { recursive: true });
  await step(app, 'install', steps.install, workspace);
  cpSync(join(pruned, 'full'), workspace, { recursive: true });
  await step(app, 'build', steps.build, workspace);
  await step(app, 'deploy', `${steps.deploy} ${deployed}`, workspace);
  // The image has nothing of the earlier stages either.
  rmSync(pruned, { recursive: true });
  rmSync(workspace, { recursive: true });

  const problems = problemsOfDeployedFolder(deployed, WORKSPACE);
  if (problems.length > 0) throw new Error(`${app} is not fit to be deployed: ${problems.join('; ')}`);
  console.log(`${app}: deployed with ${installedPackages(deployed).length} packages, none for development`);
  return deployed;
}

async function step(app: string, name: string, command: string, cwd: string): Promise<void> {
  const stepStartedAt = performance.now();
  const [program = '', ...args] = command.split(' ');
  const [executable, ...before] =
    program === 'pnpm'
      ? pnpmCommand(process.env)
      : ([join(WORKSPACE, 'node_modules', '.bin', program)] as const);
  await execa(executable, [...before, ...args], {
    cwd,
    all: true,
    env: {
      CI: 'true',
      TURBO_TELEMETRY_DISABLED: '1',
      // What two apps share is built once.
      TURBO_CACHE_DIR: join(temporary, 'turbo-cache'),
    },
  });
  console.log(`${app}: ${name} ${secondsSince(stepStartedAt)} s`);
}

/** Runs the deployed apps together, the way docker-compose.yml does, and compares what goes in with what comes out. */
async function runPipeline(folders: ReadonlyMap<string, string>): Promise<void> {
  const broker = await startBroker();
  const start = (app: string, args: readonly string[] = []): DeployedApp =>
    startDeployedApp(app, folders.get(app) ?? '', broker.brokers, args);
  const isReady = (line: string): boolean => line.startsWith('ready');

  const aggregator = start('aggregator');
  await aggregator.waitForLine('its ready line', isReady);
  // As docker-compose.yml runs it, wherever there is a port.
  const results = start('results-consumer', ['serve', '--follow', '--next-port']);
  await results.waitForLine('its ready line', (line) => line.startsWith('ready: following'));
  await checkDashboard(results);

  await start('producer', [
    ...['simulate', '--count', String(CLICKS), '--rate', 'max'],
    ...['--users', String(USERS), '--seed', '1'],
  ]).finished();
  await results.waitForLine(
    `${CLICKS} clicks`,
    sumOfTotals((sum) => sum === CLICKS),
  );
  console.log(`${CLICKS} clicks produced, counted and printed as sentences`);

  // The image's own command has no arguments.
  const simulator = start('producer');
  await simulator.waitForLine('a delivery report', (line) => line.includes('Message delivered to'));
  await results.waitForLine(
    'more clicks',
    sumOfTotals((sum) => sum > CLICKS),
  );
  console.log('the commands of the images work without arguments');

  for (const app of [simulator, aggregator, results]) await app.stop();
  await broker.stop();
  console.log('all end with exit code 0 on SIGTERM');
}

/** The page was built and deployed, and its script is there. */
async function checkDashboard(results: DeployedApp): Promise<void> {
  let address = '';
  await results.waitForLine('the address of the dashboard', (line) => {
    address = /^ready: dashboard at (\S+)$/.exec(line)?.[1] ?? '';
    return address !== '';
  });
  const page = await (await fetch(address)).text();
  const script = /<script [^>]*src="([^"]+)"/.exec(page)?.[1];
  if (script === undefined) throw new Error(`${address} is no page with a script:\n${page}`);
  const { ok, status } = await fetch(new URL(script, address));
  if (!ok) throw new Error(`${script} of the page is answered with ${status}`);
  console.log('the dashboard has its page');
}

/** A condition on result lines: what the newest totals of all users add up to satisfies another one. */
function sumOfTotals(condition: (sum: number) => boolean): (line: string) => boolean {
  const totals = new Map<string, number>();
  return (line) => {
    const [, user, count] = /^User (\S+) has clicked (\d+) times\.$/.exec(line) ?? [];
    if (user === undefined) return false;
    totals.set(user, Number(count));
    return condition([...totals.values()].reduce((sum, userClicks) => sum + userClicks, 0));
  };
}

function describe(error: unknown): string {
  if (error instanceof ExecaError) return `${error.shortMessage}\n${String(error.all)}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function secondsSince(instant: number): string {
  return ((performance.now() - instant) / 1000).toFixed(1);
}
