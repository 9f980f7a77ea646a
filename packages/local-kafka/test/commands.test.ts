import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { findFreePort, runTool } from '../src/index.ts';
import { identifyProcess } from '../src/process-table.ts';
import { localKafka, processesWith, temporaryFolder } from './command-line.ts';

async function run(...args: string[]): Promise<{ exitCode: number | null; output: string }> {
  const { exitCode, stdout, stderr } = await localKafka(args).finished;
  return { exitCode, output: (stdout + stderr).trim() };
}

test('start, status, stop and wipe lead a broker through its life', async () => {
  const folder = temporaryFolder();
  const port = String(await findFreePort());
  const here = ['--data-dir', folder];
  onTestFinished(async () => {
    await run('stop', ...here);
  });

  expect(await run('status', ...here, '--port', port)).toEqual({
    exitCode: 1,
    output: 'Kafka is not running',
  });
  expect(await run('stop', ...here)).toEqual({ exitCode: 0, output: 'Kafka is not running' });

  const started = await run('start', ...here, '--port', port);
  expect(started).toMatchObject({ exitCode: 0 });
  expect(started.output).toMatch(
    /^Kafka 4\.3\.1 is ready at localhost:\d+ \(process \d+, log: .*kafka\.log\)$/,
  );
  const again = await run('start', ...here, '--port', port);
  expect(again).toMatchObject({ exitCode: 0 });
  expect(again.output).toMatch(/^Kafka 4\.3\.1 is running already/);
  const elsewhere = await run('start', ...here, '--port', '1');
  expect(elsewhere).toMatchObject({ exitCode: 1 });
  expect(elsewhere.output).toMatch(/is running on port \d+: stop it first/);
  expect(await run('status', ...here)).toMatchObject({ exitCode: 0 });
  expect(await run('start', '--data-dir', temporaryFolder(), '--port', port)).toEqual({
    exitCode: 1,
    output: `local-kafka: port ${port} is taken by a Kafka: set KAFKA_BROKERS=localhost:${port} to use it`,
  });
  const refused = await run('wipe', ...here);
  expect(refused).toMatchObject({ exitCode: 1 });
  expect(refused.output).toMatch(/stop it first with "pnpm local-kafka stop"/);

  expect(await run('stop', ...here)).toMatchObject({ exitCode: 0 });
  expect(await run('status', ...here, '--port', port)).toMatchObject({ exitCode: 1 });
  expect(existsSync(join(folder, 'data', 'meta.properties'))).toBe(true);
  writeFileSync(join(folder, 'not-ours'), '');
  expect(await run('wipe', ...here)).toMatchObject({ exitCode: 0 });
  expect(existsSync(join(folder, 'data'))).toBe(false);
  expect(existsSync(join(folder, 'not-ours'))).toBe(true);
});

test('the record of a broker that crashed is cleared away, and a recycled pid is left alone', async () => {
  const folder = temporaryFolder();
  const record = join(folder, 'broker.json');
  writeFileSync(record, JSON.stringify({ pid: process.pid, startTime: 'long ago', port: 9092 }));
  const { exitCode, output } = await run('stop', '--data-dir', folder);
  expect(exitCode).toBe(0);
  expect(output).toMatch(/^process \d+ ended without cleaning up.*\nKafka is not running$/);
  expect(existsSync(record)).toBe(false);
});

test('the broker of a dev that runs is not stopped from elsewhere', async () => {
  const folder = temporaryFolder();
  const self = identifyProcess(process.pid);
  const record = JSON.stringify({ ...self, port: 9092, owner: self });
  writeFileSync(join(folder, 'broker.json'), record);
  expect(await run('stop', '--data-dir', folder)).toMatchObject({
    exitCode: 1,
    output: expect.stringContaining(`belongs to the dev of process ${process.pid}`) as string,
  });
  expect(readFileSync(join(folder, 'broker.json'), 'utf8')).toBe(record);
});

test('wipe deletes the topics that it is told at TEST_KAFKA_BROKERS, and no others', async () => {
  const brokers = inject('kafkaBrokers');
  const env = { ...process.env, TEST_KAFKA_BROKERS: brokers };
  for (const topic of ['wipe.me', 'wipe-me']) {
    await runTool('kafka-topics', ['--create', '--topic', topic, '--partitions', '1'], { brokers });
  }
  for (const args of [['wipe'], ['wipe', '.*'], ['wipe', '__consumer_offsets']]) {
    const { exitCode, stderr } = await localKafka(args, { env }).finished;
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^local-kafka: TEST_KAFKA_BROKERS is .*: name the topics/) as string,
    });
  }
  const wiped = await localKafka(['wipe', 'wipe.me'], { env }).finished;
  expect(wiped).toMatchObject({ exitCode: 0, stdout: `deleted wipe.me at ${brokers}\n` });
  const left = (await runTool('kafka-topics', ['--list'], { brokers })).stdout.split('\n');
  expect(left).toContain('wipe-me');
  expect(left).not.toContain('wipe.me');
});

test('tool passes on arguments, output and exit code', async () => {
  const env = { ...process.env, KAFKA_BROKERS: inject('kafkaBrokers') };
  const listed = await localKafka(['tool', 'kafka-topics', '--list'], { env }).finished;
  expect(listed).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('__consumer_offsets') as string,
  });
  const failed = await localKafka(['tool', 'kafka-topics', '--describe', '--topic', 'nosuch'], { env })
    .finished;
  expect(failed).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('nosuch') as string });
});

test.each([
  { name: 'an unknown command', args: ['fly'], reason: "unknown command 'fly'" },
  { name: 'a port that is none', args: ['start', '--port', '70000'], reason: 'whole number from 1 to 65535' },
  { name: 'a tool that is none', args: ['tool', 'kafka-fly'], reason: 'no tool "kafka-fly"' },
  { name: 'nothing to run', args: ['run'], reason: "missing required argument 'command'" },
])('refuses $name in one line', async ({ args, reason }) => {
  const { exitCode, output } = await run(...args);
  expect(exitCode).not.toBe(0);
  expect(output).toContain(reason);
  expect(output.split('\n')).toHaveLength(1);
});

test('run gives its command a broker and passes its exit code on', async () => {
  const mark = `LOCAL_KAFKA_TEST_RUN=${process.pid}`;
  const env = { ...process.env, LOCAL_KAFKA_TEST_RUN: String(process.pid), KAFKA_BROKERS: 'ignored:1' };
  // What the command leaves in the background ends too.
  const script = `echo "brokers: $KAFKA_BROKERS"; sleep 300 > /dev/null 2>&1 & exit 7`;
  const { exitCode, stdout, stderr } = await localKafka(['run', '--', 'sh', '-c', script], { env }).finished;
  expect({ exitCode, stderr }).toEqual({ exitCode: 7, stderr: '' });
  expect(stdout).toMatch(/^brokers: 127\.0\.0\.1:\d+\n$/);
  await expect.poll(() => processesWith(mark), { timeout: 60_000 }).toEqual([]);
});

const REPORTING_APP = [
  process.execPath,
  '-e',
  `for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
     process.on(name, () => { console.log('got', name); setTimeout(() => process.exit(3), 100); });
   setInterval(() => {}, 1000);
   console.log('app is up at', process.env.KAFKA_BROKERS);`,
];

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'run passes %s on, once, and then the exit code',
  async (signal) => {
    const brokers = inject('kafkaBrokers');
    const env = { ...process.env, TEST_KAFKA_BROKERS: brokers };
    const wrapper = localKafka(['run', '--', ...REPORTING_APP], { env });
    await wrapper.printed(`app is up at ${brokers}`);
    wrapper.child.kill(signal);
    wrapper.child.kill(signal);
    const { exitCode, stdout } = await wrapper.finished;
    expect(exitCode).toBe(3);
    expect(stdout.match(/got SIG\w+/g)).toEqual([`got ${signal}`]);
  },
);

test('run says which command it cannot find', async () => {
  const env = { ...process.env, TEST_KAFKA_BROKERS: inject('kafkaBrokers') };
  const { exitCode, stderr } = await localKafka(['run', '--', 'no-such-command'], { env }).finished;
  expect(exitCode).toBe(127);
  expect(stderr).toMatch(/^local-kafka: cannot run "no-such-command" \(ENOENT\).*\n$/);
});

test('nothing is left of a run that was killed', async () => {
  const mark = `LOCAL_KAFKA_TEST_KILL=${process.pid}`;
  const env = { ...process.env, LOCAL_KAFKA_TEST_KILL: String(process.pid) };
  const wrapper = localKafka(['run', '--', ...REPORTING_APP], { env });
  await wrapper.printed('app is up');
  // Wrapper, guard, app and broker.
  expect(processesWith(mark).length).toBeGreaterThanOrEqual(4);
  wrapper.child.kill('SIGKILL');
  await expect.poll(() => processesWith(mark), { timeout: 60_000 }).toEqual([]);
  expect((await wrapper.finished).stdout).toContain('got SIGTERM');
});
