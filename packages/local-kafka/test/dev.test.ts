import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { startDevelopmentKafka } from '../src/development-kafka.ts';
import { findFreePort } from '../src/find-free-port.ts';
import { LocalKafkaError } from '../src/local-kafka-error.ts';
import { localKafka, processesWith, start, temporaryFolder, type Run } from './command-line.ts';

let lastMark = 0;

/** Starts `dev` with an app below a shell, as turbo and pnpm would have it; everything under it carries `mark`. */
function startDev(
  folder: string,
  options: { env?: NodeJS.ProcessEnv; args?: string[]; launch?: string[] } = {},
): Run & { mark: string } {
  const value = `${process.pid}.${++lastMark}`;
  const app = join(folder, 'app.mjs');
  writeFileSync(
    app,
    `import { connect } from 'node:net';
     process.on('SIGTERM', () => {
       console.log('app asked to stop');
       const [host, port] = process.env.KAFKA_BROKERS.split(':');
       const socket = connect({ host, port }, () => {
         console.log('Kafka still there');
         socket.destroy();
         process.exit();
       });
       socket.on('error', () => process.exit());
     });
     setInterval(() => {}, 1000);
     console.log('app is up at', process.env.KAFKA_BROKERS);`,
  );
  const main = join(import.meta.dirname, '..', 'src', 'main.ts');
  const command = [
    ...(options.launch ?? []),
    ...[process.execPath, '--conditions=@clickstream/source', main],
    ...['dev', '--data-dir', folder, ...(options.args ?? [])],
    ...['--', 'sh', '-c', `${process.execPath} ${app}; true`],
  ];
  const env = { ...process.env, LOCAL_KAFKA_TEST_DEV: value, ...options.env };
  return { ...start(command, { env }), mark: `LOCAL_KAFKA_TEST_DEV=${value}` };
}

async function expectNothingLeft(mark: string): Promise<void> {
  await expect.poll(() => processesWith(mark), { timeout: 60_000 }).toEqual([]);
}

test('runs the apps against a Kafka of its own, stops them first, and continues where it was', async () => {
  const folder = temporaryFolder();
  const args = ['--port', String(await findFreePort())];
  const first = startDev(folder, { args });
  const output = await first.printed('app is up at localhost:');
  expect(output).toMatch(/^Kafka 4\.3\.1 is ready at localhost:\d+ \(log: .*kafka\.log\)\napp is up.*\n$/);
  const clusterId = readFileSync(join(folder, 'data', 'meta.properties'), 'utf8');

  // While it runs, it is the only one.
  const second = await localKafka(['dev', '--data-dir', folder, '--', 'true']).finished;
  expect(second).toMatchObject({ exitCode: 1, stdout: '' });
  expect(second.stderr).toMatch(/^local-kafka: dev is running already \(process \d+\).*Ctrl-C first\n$/);

  // A terminal's Ctrl-C, which comes twice: the whole foreground group gets it, and launchers pass it on.
  process.kill(-first.pid, 'SIGINT');
  process.kill(-first.pid, 'SIGINT');
  const { exitCode, stdout, stderr } = await first.finished;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/app asked to stop\nKafka still there\n$/);
  await expectNothingLeft(first.mark);
  expect(existsSync(join(folder, 'dev.lock'))).toBe(false);

  // And after the worst of deaths, too.
  const next = startDev(folder, { args });
  await next.printed('app is up');
  process.kill(next.pid, 'SIGKILL');
  await expectNothingLeft(next.mark);
  expect((await next.finished).stdout).toMatch(/app asked to stop\nKafka still there\n$/);
  expect(readFileSync(join(folder, 'data', 'meta.properties'), 'utf8')).toBe(clusterId);

  // What a crash left is no obstacle: its lock is there, its owner is not.
  expect(existsSync(join(folder, 'dev.lock'))).toBe(true);
  const third = startDev(folder, { env: { KAFKA_BROKERS: inject('kafkaBrokers') } });
  expect(await third.printed('app is up')).toMatch(/^the last dev was killed/);
  third.child.kill('SIGTERM');
  expect((await third.finished).exitCode).toBe(0);
});

test.each(['SIGTERM', 'SIGHUP'] as const)('leaves nothing after %s', async (signal) => {
  const brokers = inject('kafkaBrokers');
  const dev = startDev(temporaryFolder(), { env: { KAFKA_BROKERS: brokers } });
  const output = await dev.printed('app is up');
  expect(output).toBe(`using the Kafka at ${brokers} (KAFKA_BROKERS)\napp is up at ${brokers}\n`);
  dev.child.kill(signal);
  expect(await dev.finished).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('asked') as string,
  });
  await expectNothingLeft(dev.mark);
});

test.each([
  ['the package manager on top', (run: Run) => run.pid],
  ['the shell in between', (run: Run) => Number(/shell (\d+)/.exec(run.output())?.[1])],
])('leaves nothing after the death of %s', async (_, victim) => {
  const folder = temporaryFolder();
  const npx = join(folder, 'npx.js');
  writeFileSync(
    npx,
    `const { spawn } = require('node:child_process');
     const shell = spawn('/bin/sh', ['-c', '"$@"; true', 'sh', ...process.argv.slice(2)], { stdio: 'inherit' });
     console.log('shell', shell.pid);`,
  );
  const dev = startDev(folder, {
    env: { KAFKA_BROKERS: inject('kafkaBrokers') },
    launch: [process.execPath, npx],
  });
  await dev.printed('app is up');
  process.kill(victim(dev), 'SIGKILL');
  await expectNothingLeft(dev.mark);
  expect(dev.output()).toContain('app asked to stop');
});

test("ends with its command, and with the command's exit code", async () => {
  const env = { ...process.env, KAFKA_BROKERS: inject('kafkaBrokers') };
  const args = ['dev', '--data-dir', temporaryFolder(), '--', 'sh', '-c', 'exit 9'];
  expect(await localKafka(args, { env }).finished).toMatchObject({ exitCode: 9 });
});

test('does not start another Kafka when the one in KAFKA_BROKERS does not answer', async () => {
  const brokers = `127.0.0.1:${await findFreePort()}`;
  const dev = startDev(temporaryFolder(), { env: { KAFKA_BROKERS: brokers } });
  const { exitCode, stderr } = await dev.finished;
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    `local-kafka: KAFKA_BROKERS is ${brokers}, where nothing answers: start that Kafka, or unset KAFKA_BROKERS to have one started\n`,
  );
});

test('names the three ways when none is open', async () => {
  const bin = temporaryFolder();
  symlinkSync('/bin/sh', join(bin, 'sh'));
  const env = { PATH: bin, JAVA_HOME: '', KAFKA_BROKERS: '' };
  const { exitCode, stdout, stderr } = await startDev(temporaryFolder(), { env }).finished;
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toMatch(/^local-kafka: no Kafka to be had: .*KAFKA_BROKERS.*Java 17.*Maven.*Docker.*\n$/);
});

test('turns to Docker Compose where there is no Java', async () => {
  const folder = temporaryFolder();
  const calls = join(folder, 'calls');
  const composeFile = join(folder, 'docker-compose.yml');
  writeFileSync(composeFile, 'services: {}\n');
  const composePort = await findFreePort();
  // Stands in for the engine only: its Kafka is a real one, reached through the port that Compose would publish.
  writeFileSync(
    join(folder, 'docker'),
    `#!${process.execPath}
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
const { connect, createServer } = require('node:net');
const words = process.argv.slice(2).join(' ');
if (words === 'forward') {
  createServer((socket) => {
    const kafka = connect(${inject('kafkaBrokers').split(':')[1] ?? ''}, '127.0.0.1');
    socket.pipe(kafka).pipe(socket);
    for (const end of [socket, kafka]) end.on('error', () => {});
  }).listen(${composePort}, '127.0.0.1', () => process.disconnect());
} else {
  appendFileSync(${JSON.stringify(calls)}, words + '\\n');
  if (words.includes(' up ')) {
    const child = require('node:child_process').fork(__filename, ['forward'], { detached: true, stdio: 'ignore' });
    writeFileSync(${JSON.stringify(join(folder, 'pid'))}, String(child.pid));
    child.on('disconnect', () => process.exit());
  }
  if (words.includes(' stop ')) process.kill(Number(readFileSync(${JSON.stringify(join(folder, 'pid'))}, 'utf8')));
}
`,
  );
  chmodSync(join(folder, 'docker'), 0o755);
  vi.stubEnv('PATH', folder);
  vi.stubEnv('JAVA_HOME', '');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const announce = vi.fn<(line: string) => void>();
  const options = { dataDir: folder, port: 1, givenBrokers: undefined, composeFile, composePort, announce };
  const kafka = await startDevelopmentKafka(options);
  expect(kafka).toMatchObject({ brokers: `localhost:${composePort}` });
  expect(announce).toHaveBeenCalledWith('starting Kafka with Docker Compose');
  await kafka.stop();
  expect(readFileSync(calls, 'utf8').trim().split('\n')).toEqual([
    'info',
    'compose version',
    `compose --file ${composeFile} up --detach --wait kafka`,
    `compose --file ${composeFile} stop kafka`,
  ]);

  writeFileSync(
    join(folder, 'docker'),
    '#!/bin/sh\ncase "$*" in *up*) echo "no such image" >&2; exit 1;; esac\n',
  );
  await expect(startDevelopmentKafka(options)).rejects.toThrow(LocalKafkaError);
  await expect(startDevelopmentKafka(options)).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_START_FAILED',
    message: expect.stringMatching(/^Docker Compose did not bring up Kafka.*no such image$/) as string,
  });
});

test('ends when Kafka does, and says where to look', async () => {
  const folder = temporaryFolder();
  const dev = startDev(folder, { args: ['--port', String(await findFreePort())] });
  await dev.printed('app is up');
  const { pid } = JSON.parse(readFileSync(join(folder, 'broker.json'), 'utf8')) as { pid: number };
  process.kill(pid, 'SIGKILL');
  const { exitCode, stderr } = await dev.finished;
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^local-kafka: Kafka has ended by itself \(SIGKILL\): see .*kafka\.log\n$/);
  await expectNothingLeft(dev.mark);
});
