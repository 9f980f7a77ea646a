import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createLogger, createPartitionReader } from '@clickstream/kafka-client';
import { decodeClickEvent, type ClickEvent } from '@clickstream/schema';
import { execa, type Options } from 'execa';
import { app } from '../src/app.ts';

const MAIN = join(import.meta.dirname, '../src/main.ts');

/** Where a producer under test writes to. */
export interface Destination {
  readonly brokers: string;
  readonly topic: string;
}

export function uniqueTopic(): string {
  return `clicks-${randomUUID()}`;
}

/** Runs the real process from source; its environment is what is given here and nothing else. */
export function runProducer(
  { brokers, topic }: Destination,
  args: readonly string[],
  options: Pick<Options, 'input' | 'inputFile' | 'env'> = {},
) {
  return execa(process.execPath, ['--conditions=@clickstream/source', MAIN, ...args], {
    ...options,
    // Away from the workspace and whatever .env is there.
    cwd: tmpdir(),
    env: { KAFKA_BROKERS: brokers, CLICKSTREAM_TOPIC: topic, ...options.env },
    extendEnv: false,
    reject: false,
    // The app ends itself within 8 s of a signal; what a test left running does not outlive it.
    forceKillAfterDelay: 10_000,
    timeout: 60_000,
  });
}

/** Runs the app in this process, for what ends before it has to do with Kafka. */
export async function runApp(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await app({
    args,
    environment,
    stdin: Readable.from([]),
    stdout,
    stderr,
    signal: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

/** Resolves when a line that matches has come out of a process, counted from this call. */
export function lineOf(stream: Readable, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const onData = (chunk: Buffer) => {
      output += chunk.toString();
      if (
        !output
          .split('\n')
          .slice(0, -1)
          .some((line) => pattern.test(line))
      )
        return;
      stream.off('data', onData).off('end', onEnd);
      resolve();
    };
    const onEnd = () => {
      reject(new Error(`the process ended without a line like ${pattern.source}, but with:\n${output}`));
    };
    stream.on('data', onData).on('end', onEnd);
  });
}

/** A record as it was read back. */
export interface WrittenClick {
  readonly partition: number;
  readonly key: string | undefined;
  readonly value: string;
  readonly click: ClickEvent;
}

/** All clicks of a topic, partition by partition. */
export async function readClicks({ brokers, topic }: Destination): Promise<WrittenClick[]> {
  const reader = await createPartitionReader({
    connection: { brokers: brokers.split(','), clientId: 'producer-test' },
    log: createLogger('producer-test', { LOG_LEVEL: 'silent' }, false),
  });
  try {
    const clicks: WrittenClick[] = [];
    for (const [partition, to] of (await reader.endOffsets(topic)).entries()) {
      for await (const batch of reader.read({ topic, partition, from: 0n, to })) {
        for (const record = batch.walk(); record.next();) {
          const value = record.value() ?? Buffer.alloc(0);
          const decoded = decodeClickEvent(value);
          if (decoded.status === 'malformed') throw new Error(decoded.detail);
          clicks.push({
            partition,
            key: record.key()?.toString(),
            value: value.toString(),
            click: decoded.value,
          });
        }
      }
    }
    return clicks;
  } finally {
    await reader.close();
  }
}
