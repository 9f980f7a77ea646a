import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { isBrokerReady } from '../src/kafka-probe.ts';
import { runTool, spawnTool, startBroker } from '../src/index.ts';
import { processesWith, start, temporaryFolder } from './command-line.ts';

const START_BROKER = join(import.meta.dirname, '..', 'src', 'start-broker.ts');

test('keeps its data through a kill, answers nothing while paused, and ends when stopped', async () => {
  const dataDir = temporaryFolder();
  const broker = await startBroker({ dataDir, config: { 'num.partitions': '3' } });
  onTestFinished(() => broker.kill());
  const { brokers, port, pid } = broker;
  expect((await runTool('kafka-topics', ['--create', '--topic', 'kept'], { brokers })).exitCode).toBe(0);
  await runTool('kafka-console-producer', ['--topic', 'kept'], { brokers, input: 'a\nb\n' });

  const exited = broker.exited;
  await broker.kill();
  expect(await exited).toEqual({ code: null, signal: 'SIGKILL' });
  await broker.restart();
  expect(broker).toMatchObject({ brokers, port });
  expect(broker.pid).not.toBe(pid);
  const offsets = await runTool('kafka-get-offsets', ['--topic', 'kept'], { brokers });
  const counts = offsets.stdout.split('\n').map((line) => Number(line.split(':')[2]));
  expect(counts).toHaveLength(3);
  expect(counts.reduce((sum, count) => sum + count)).toBe(2);

  broker.pause();
  expect(await isBrokerReady('127.0.0.1', port, 300)).toBe(false);
  broker.resume();
  expect(await isBrokerReady('127.0.0.1', port, 10_000)).toBe(true);

  await broker.stop();
  await broker.stop();
  expect(await isBrokerReady('127.0.0.1', port)).toBe(false);
  // The JVM's own way to say that SIGTERM ended it in good order.
  expect(await broker.exited).toEqual({ code: 143, signal: null });
  expect(existsSync(join(dataDir, 'data', 'kept-0'))).toBe(true);
});

test('does not outlive the process that started it, nor do its temporary data', async () => {
  const mark = `LOCAL_KAFKA_TEST_OWNER=${process.pid}`;
  const script = `const { startBroker } = await import(${JSON.stringify(START_BROKER)});
    const broker = await startBroker();
    console.log(JSON.stringify({ dataDir: broker.dataDir, pid: broker.pid }));
    setInterval(() => {}, 1000);`;
  const owner = start([process.execPath, '--input-type=module', '--eval', script], {
    env: { ...process.env, LOCAL_KAFKA_TEST_OWNER: String(process.pid) },
  });
  const { dataDir, pid } = JSON.parse(await owner.printed('}')) as { dataDir: string; pid: number };
  expect(processesWith(mark)).toContain(pid);
  process.kill(owner.pid, 'SIGKILL');
  await expect.poll(() => processesWith(mark), { timeout: 60_000 }).toEqual([]);
  expect(existsSync(dataDir)).toBe(false);
});

test('reads on with a tool until it is told to stop', async () => {
  const brokers = inject('kafkaBrokers');
  await runTool('kafka-topics', ['--create', '--topic', 'read-on', '--partitions', '1'], { brokers });
  const consumer = await spawnTool('kafka-console-consumer', ['--topic', 'read-on', '--from-beginning'], {
    brokers,
  });
  onTestFinished(() => consumer.stop());
  await runTool('kafka-console-producer', ['--topic', 'read-on'], { brokers, input: 'first\nsecond\n' });
  const lines: string[] = [];
  for await (const line of consumer.lines) {
    lines.push(line);
    if (lines.length === 2) await consumer.stop();
  }
  expect(lines.slice(0, 2)).toEqual(['first', 'second']);
  expect((await consumer.exited).exitCode).not.toBe(1);
});

test('names the tools that there are', async () => {
  await expect(runTool('kafka-nonsense', [])).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_UNKNOWN_TOOL',
    message: expect.stringContaining('kafka-console-consumer') as string,
  });
});

test('says so when the disk is full', async () => {
  // 20 blocks of 512 bytes: not even the log of its start fits.
  const failed = startBroker({ dataDir: temporaryFolder(), fileSizeLimitBlocks: 20 });
  await expect(failed).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_NO_DISK_SPACE',
    message: expect.stringMatching(/^no disk space for Kafka in .*: free some/) as string,
  });
});

test('says so when its data are corrupt', async () => {
  const dataDir = temporaryFolder();
  const logs = join(dataDir, 'data');
  const corrupt = {
    code: 'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_CORRUPT',
    message: expect.stringMatching(/corrupt.*local-kafka wipe.*move it away/) as string,
  };
  mkdirSync(logs);
  writeFileSync(join(logs, 'stray'), '');
  await expect(startBroker({ dataDir })).rejects.toMatchObject(corrupt);
  writeFileSync(join(logs, 'meta.properties'), 'version=1\n');
  await expect(startBroker({ dataDir })).rejects.toMatchObject(corrupt);
  // This one only the broker itself can see.
  writeFileSync(join(logs, 'meta.properties'), 'version=1\nnode.id=1\ncluster.id=a\n');
  mkdirSync(join(logs, '__cluster_metadata-0'));
  writeFileSync(join(logs, '__cluster_metadata-0', 'quorum-state'), 'not what Kafka wrote');
  await expect(startBroker({ dataDir })).rejects.toMatchObject({
    ...corrupt,
    logFile: join(dataDir, 'kafka.log'),
  });
});

test('says so when it cannot write its data', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  await expect(startBroker({ dataDir: join(file, 'kafka') })).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_UNWRITABLE',
    message: expect.stringContaining('ENOTDIR') as string,
  });
});

test('tells a port that a Kafka has from one that another program has', async () => {
  const dataDir = temporaryFolder();
  const kafkaPort = Number(inject('kafkaBrokers').split(':')[1]);
  await expect(startBroker({ dataDir, port: kafkaPort })).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_PORT_TAKEN',
    message: `port ${kafkaPort} is taken by a Kafka: set KAFKA_BROKERS=localhost:${kafkaPort} to use it`,
  });

  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  await expect(startBroker({ dataDir, port })).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_PORT_TAKEN',
    message: expect.stringMatching(/another program.*--port/) as string,
  });
  expect(readdirSync(dataDir)).toEqual([]);
});
