import { chmodSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { kafkaCacheDir, resolveKafkaInstallation } from '../src/kafka-installation.ts';
import { temporaryFolder } from './command-line.ts';

/** A folder for PATH that holds only these programs: each `real`, or the text of a shell script. */
async function pathWith(programs: Record<string, string>): Promise<string> {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(programs)) {
    const path = join(folder, name);
    if (content === 'real') {
      symlinkSync((await execa('/bin/sh', ['-c', `command -v ${name}`])).stdout, path);
    } else {
      writeFileSync(path, `#!/bin/sh\n${content}\n`);
      chmodSync(path, 0o755);
    }
  }
  return folder;
}

/** Java and Kafka as this machine has them; the package's global set-up has filled the cache. */
const realCache = dirname(dirname(kafkaCacheDir(process.env)));

test('says so when there is no Java', async () => {
  await expect(resolveKafkaInstallation({ PATH: await pathWith({}) })).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_JAVA_MISSING',
    message: expect.stringMatching(/^no Java in PATH: install Java 17 or newer/) as string,
  });
  await expect(resolveKafkaInstallation({ JAVA_HOME: '/nowhere' })).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_JAVA_MISSING',
    message: expect.stringContaining('JAVA_HOME is /nowhere') as string,
  });
});

test.each([
  ['11', 'openjdk version "11.0.25" 2024-10-15'],
  ['8', 'java version "1.8.0_402"'],
])('says so when Java is %s', async (version, line) => {
  const PATH = await pathWith({ java: `echo '${line}' >&2` });
  await expect(resolveKafkaInstallation({ PATH })).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_JAVA_TOO_OLD',
    message: expect.stringContaining(`is Java ${version}, Kafka needs 17`) as string,
  });
});

test('needs no Maven once Kafka is cached', async () => {
  const PATH = await pathWith({ java: 'real' });
  const { classpath } = await resolveKafkaInstallation({ PATH, XDG_CACHE_HOME: realCache });
  expect(readdirSync(dirname(classpath))).toContain('kafka_2.13-4.3.1.jar');
});

test('says so when Maven is missing, or cannot fetch', async () => {
  const XDG_CACHE_HOME = temporaryFolder();
  const java = 'real';
  await expect(
    resolveKafkaInstallation({ PATH: await pathWith({ java }), XDG_CACHE_HOME }),
  ).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_MAVEN_MISSING',
    message: expect.stringMatching(/^no Maven .* install it/) as string,
  });
  const mvn = `echo '[ERROR] repo.example: Name or service not known'; exit 1`;
  await expect(
    resolveKafkaInstallation({ PATH: await pathWith({ java, mvn }), XDG_CACHE_HOME }),
  ).rejects.toMatchObject({
    code: 'CLICKSTREAM_LOCAL_KAFKA_MAVEN_FAILED',
    message: expect.stringMatching(/check the network.*repo\.example: Name or service not known$/) as string,
  });
  expect(readdirSync(join(XDG_CACHE_HOME, 'clickstream'))).toEqual([]);
});

test('says so when the cache cannot be written', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  await expect(
    resolveKafkaInstallation({ PATH: process.env['PATH'], XDG_CACHE_HOME: file }),
  ).rejects.toMatchObject({ code: 'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_UNWRITABLE' });
});

test('fetches once when two processes want it at the same time', async () => {
  const XDG_CACHE_HOME = temporaryFolder();
  const calls = join(temporaryFolder(), 'calls');
  const jars = join(kafkaCacheDir(process.env), 'jars');
  // What the real Maven does, less the network: it copies the jars to where -DoutputDirectory says.
  const mvn = `echo "$@" >> ${calls}
    for word in "$@"; do case $word in -DoutputDirectory=*) target=\${word#*=};; esac; done
    cp -R ${jars} "$target"`;
  const environment = {
    PATH: `${await pathWith({ java: 'real', mvn })}:/usr/bin:/bin`,
    XDG_CACHE_HOME,
  };
  const source = join(import.meta.dirname, '..', 'src', 'kafka-installation.ts');
  const script = `const { resolveKafkaInstallation } = await import(${JSON.stringify(source)});
    console.log((await resolveKafkaInstallation(process.env)).classpath);`;
  const processes = [1, 2].map(() =>
    execa(process.execPath, ['--input-type=module', '--eval', script], {
      env: environment,
      extendEnv: false,
    }),
  );
  const home = kafkaCacheDir(environment);
  for (const { stdout } of await Promise.all(processes)) expect(stdout).toBe(join(home, 'jars', '*'));
  expect(readFileSync(calls, 'utf8').trim().split('\n')).toHaveLength(1);
  expect(readdirSync(home)).toEqual(['bootstrap.checkpoint', 'jars', 'pom.xml']);
  expect(readdirSync(join(home, 'jars'))).toEqual(readdirSync(jars));
});
