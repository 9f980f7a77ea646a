import { runTool } from '@clickstream/local-kafka';
import type { TestTopics } from '@clickstream/test-harness';

/** Runs one of the broker's own tools. @returns what it printed. @throws Error when it fails */
export async function administer(
  { connection }: Pick<TestTopics, 'connection'>,
  tool: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { exitCode, stdout, stderr } = await runTool(tool, args, {
    brokers: connection.brokers.join(','),
    ...(input !== undefined && { input }),
  });
  if (exitCode !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stdout}\n${stderr}`);
  return stdout;
}

/** Changes settings of a topic. */
export async function alterTopic(
  topics: Pick<TestTopics, 'connection'>,
  topic: string,
  config: Readonly<Record<string, string | number>>,
): Promise<void> {
  const settings = Object.entries(config).map(([name, value]) => `${name}=${value}`);
  await administer(topics, 'kafka-configs', [
    ...['--alter', '--entity-type', 'topics', '--entity-name', topic],
    ...['--add-config', settings.join(',')],
  ]);
}
