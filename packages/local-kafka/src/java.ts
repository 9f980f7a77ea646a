import { execa } from 'execa';
import { join } from 'node:path';
import { LocalKafkaError } from './local-kafka-error.ts';

const MINIMUM_JAVA = 17;
const INSTALL_HINT = `install Java ${MINIMUM_JAVA} or newer (for example "apt-get install openjdk-17-jre-headless" or "brew install openjdk@17") and put it in PATH or JAVA_HOME`;

/**
 * The `java` to run Kafka with: that of JAVA_HOME if set, else the first in PATH.
 * @throws LocalKafkaError `…_JAVA_MISSING` or `…_JAVA_TOO_OLD`: Kafka 4's broker needs Java 17 (KIP-1013).
 */
export async function findJava(environment: NodeJS.ProcessEnv): Promise<string> {
  const javaHome = environment['JAVA_HOME'];
  const java = javaHome ? join(javaHome, 'bin', 'java') : 'java';
  const { failed, stderr, stdout } = await execa(java, ['-version'], { env: environment, reject: false });
  // java -version prints `openjdk version "17.0.15" 2025-04-15`, Java 8 `java version "1.8.0_402"`; on macOS a stub
  // without a Java behind it fails.
  const version = /version "(?:1\.)?(\d+)[^"]*"/.exec(`${stderr}\n${stdout}`);
  if (failed || version === null) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_JAVA_MISSING',
      `${javaHome ? `JAVA_HOME is ${javaHome}, which has no working bin/java` : 'no Java in PATH'}: ${INSTALL_HINT}`,
    );
  }
  if (Number(version[1]) < MINIMUM_JAVA) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_JAVA_TOO_OLD',
      `${java} is Java ${version[1] ?? '?'}, Kafka needs ${MINIMUM_JAVA}: ${INSTALL_HINT}`,
    );
  }
  return java;
}
