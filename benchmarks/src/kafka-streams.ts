import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { superviseProcess, type BenchProcess } from './bench-process.ts';
import type { BenchEnvironment } from './bench-topics.ts';

const project = fileURLToPath(new URL('../kafka-streams', import.meta.url));

/** When a file of the yardstick was written, ms since the epoch; undefined if there is none. */
function writtenAt(file: string): number | undefined {
  return statSync(join(project, file), { throwIfNoEntry: false })?.mtimeMs;
}

/**
 * Compiles the yardstick if it is not as its sources are, fetching Kafka Streams from Maven Central the first time.
 *
 * @throws ExecaError when there is no Maven, or it fails.
 */
export async function buildKafkaStreams(): Promise<void> {
  const built = writtenAt('target/classes/clickstream/UserClickCount.class') ?? -Infinity;
  const sources = ['pom.xml', 'src/main/java/clickstream/UserClickCount.java'];
  if (
    writtenAt('target/dependency') !== undefined &&
    sources.every((source) => (writtenAt(source) ?? 0) < built)
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
