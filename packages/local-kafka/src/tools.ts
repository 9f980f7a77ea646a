import { execa } from 'execa';
import { guard } from './guard.ts';
import { resolveKafkaInstallation } from './kafka-installation.ts';
import { LocalKafkaError } from './local-kafka-error.ts';
import { identifyProcess } from './process-table.ts';

interface Tool {
  readonly mainClass: string;
  /** Whether it takes `--bootstrap-server`. */
  readonly talksToBroker: boolean;
}

const tools = 'org.apache.kafka.tools';
const online = (mainClass: string): Tool => ({ mainClass, talksToBroker: true });
const offline = (mainClass: string): Tool => ({ mainClass, talksToBroker: false });

/** The scripts in `bin/` of a Kafka distribution and the Java class behind each. */
const TOOLS: ReadonlyMap<string, Tool> = new Map([
  ['kafka-acls', online(`${tools}.AclCommand`)],
  ['kafka-broker-api-versions', online(`${tools}.BrokerApiVersionsCommand`)],
  ['kafka-client-metrics', online(`${tools}.ClientMetricsCommand`)],
  ['kafka-cluster', offline(`${tools}.ClusterTool`)],
  ['kafka-configs', online('kafka.admin.ConfigCommand')],
  ['kafka-console-consumer', online(`${tools}.consumer.ConsoleConsumer`)],
  ['kafka-console-producer', online(`${tools}.ConsoleProducer`)],
  ['kafka-console-share-consumer', online(`${tools}.consumer.ConsoleShareConsumer`)],
  ['kafka-consumer-groups', online(`${tools}.consumer.group.ConsumerGroupCommand`)],
  ['kafka-consumer-perf-test', online(`${tools}.ConsumerPerformance`)],
  ['kafka-delegation-tokens', online(`${tools}.DelegationTokenCommand`)],
  ['kafka-delete-records', online(`${tools}.DeleteRecordsCommand`)],
  ['kafka-dump-log', offline(`${tools}.DumpLogSegments`)],
  ['kafka-e2e-latency', offline(`${tools}.EndToEndLatency`)],
  ['kafka-features', online(`${tools}.FeatureCommand`)],
  ['kafka-get-offsets', online(`${tools}.GetOffsetShell`)],
  ['kafka-groups', online(`${tools}.GroupsCommand`)],
  ['kafka-jmx', offline(`${tools}.JmxTool`)],
  ['kafka-leader-election', online(`${tools}.LeaderElectionCommand`)],
  ['kafka-log-dirs', online(`${tools}.LogDirsCommand`)],
  ['kafka-metadata-quorum', online(`${tools}.MetadataQuorumCommand`)],
  ['kafka-producer-perf-test', online(`${tools}.ProducerPerformance`)],
  ['kafka-reassign-partitions', online(`${tools}.reassign.ReassignPartitionsCommand`)],
  ['kafka-replica-verification', online(`${tools}.ReplicaVerificationTool`)],
  ['kafka-share-consumer-perf-test', online(`${tools}.ShareConsumerPerformance`)],
  ['kafka-share-groups', online(`${tools}.consumer.group.ShareGroupCommand`)],
  ['kafka-storage', offline('kafka.tools.StorageTool')],
  ['kafka-streams-groups', online(`${tools}.streams.StreamsGroupCommand`)],
  ['kafka-topics', online(`${tools}.TopicCommand`)],
  ['kafka-transactions', online(`${tools}.TransactionsCommand`)],
  ['kafka-verifiable-consumer', online(`${tools}.VerifiableConsumer`)],
  ['kafka-verifiable-producer', online(`${tools}.VerifiableProducer`)],
]);

/** What to give a tool besides its arguments. */
export interface ToolOptions {
  /** Bootstrap list for a tool that talks to a broker, unless its arguments name one. */
  readonly brokers?: string;
  /** Written to its standard input, which then ends. */
  readonly input?: string;
  /** Ends the tool when aborted. */
  readonly signal?: AbortSignal;
}

/** What a tool printed, and its exit code (128 + n if signal n ended it). */
export interface ToolResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/**
 * Runs one of the broker's own command-line tools to its end. A tool that fails is a result, not an exception.
 * @throws LocalKafkaError `…_UNKNOWN_TOOL`, or what {@link resolveKafkaInstallation} throws.
 */
export async function runTool(
  name: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  const { file, argv } = await toolCommand(name, args, options.brokers);
  const result = await execa(file, argv, {
    reject: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal && { cancelSignal: options.signal }),
  });
  return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? 1 };
}

/** A tool that is running. */
export interface RunningTool {
  readonly pid: number;
  /** What it prints, line by line, until it ends; can be read once. */
  readonly lines: AsyncIterable<string>;
  /** Settles when it has ended, never rejects. */
  readonly exited: Promise<{ readonly stderr: string; readonly exitCode: number }>;
  /** Asks it to end (SIGTERM, on which a console consumer leaves its group) and waits until it has. */
  stop: () => Promise<void>;
}

/**
 * Starts a tool that runs on, such as a console consumer. It ends with this process, however that ends.
 * @throws LocalKafkaError like {@link runTool}.
 */
export async function spawnTool(
  name: string,
  args: readonly string[],
  options: Pick<ToolOptions, 'brokers'> = {},
): Promise<RunningTool> {
  const { file, argv } = await toolCommand(name, args, options.brokers);
  const child = execa(file, argv, { reject: false, stdin: 'ignore', buffer: { stdout: false } });
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  const release =
    identity === undefined ? undefined : guard({ kind: 'process', process: identity, graceMs: 0 });
  const exited = child.then(({ stderr, exitCode }) => {
    release?.();
    return { stderr, exitCode: exitCode ?? 1 };
  });
  return {
    pid: child.pid ?? 0,
    lines: child.iterable(),
    exited,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** The command line behind a tool's name, for a caller that runs it itself. */
export async function toolCommand(
  name: string,
  args: readonly string[],
  brokers?: string,
): Promise<{ file: string; argv: string[] }> {
  const tool = TOOLS.get(name.replace(/\.sh$/, ''));
  if (tool === undefined) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_UNKNOWN_TOOL',
      `no tool "${name}": there are ${[...TOOLS.keys()].join(', ')}`,
    );
  }
  const { java, classpath, toolsLog4j } = await resolveKafkaInstallation(process.env);
  const namesBrokers = args.some((arg) => /^--(bootstrap-(server|controller)|help|version)\b/.test(arg));
  return {
    file: java,
    argv: [
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-XX:-UsePerfData',
      `-Dlog4j2.configurationFile=${toolsLog4j}`,
      '-cp',
      classpath,
      tool.mainClass,
      ...(tool.talksToBroker && brokers !== undefined && !namesBrokers
        ? ['--bootstrap-server', brokers]
        : []),
      ...args,
    ],
  };
}
