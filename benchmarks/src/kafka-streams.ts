import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { superviseProcess, type BenchProcess } from './bench-process.ts';
import type { BenchEnvironment } from './bench-topics.ts';

const project = fileURLToPath(new URL('../kafka-streams', import.meta.url));

/**
 * Compiles the yardstick, fetching Kafka Streams from Maven Central the first time.
 *
 * @throws ExecaError when there is no Maven, or it fails.
 */
export async function buildKafkaStreams(): Promise<void> {
  if (
    existsSync(join(project, 'target/dependency')) &&
    existsSync(join(project, 'target/classes/clickstream'))
  )
    return;
  await execa('mvn', ['-q', '-B', 'compile', 'dependency:copy-dependencies', '-DincludeScope=runtime'], {
    cwd: project,
  });
}

/** Starts the Kafka Streams program over the same clicks and waits until it runs. */
export async function startKafkaStreams(environment: BenchEnvironment): Promise<BenchProcess> {
  const stateDir = await mkdtemp(join(tmpdir(), 'kafka-streams-'));
  const classpath = [join(project, 'target/classes'), join(project, 'target/dependency/*')].join(':');
  const child = execa('java', ['-Xmx2g', '-cp', classpath, 'clickstream.UserClickCount'], {
    env: { ...environment, STATE_DIR: stateDir },
    reject: false,
    buffer: false,
  });
  const process = await superviseProcess('Kafka Streams', child);
  return {
    ...process,
    stop: async () => {
      await process.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
