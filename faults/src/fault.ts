import type { Broker, Cluster, KafkaProxy } from '@clickstream/local-kafka';
import type {
  AppName,
  AppProcess,
  ClickLoad,
  ClickLoadOptions,
  Crash,
  RandomSource,
  TestTopics,
} from '@clickstream/test-harness';

/** One way of breaking the pipeline. */
export interface Fault {
  /** Kebab-case, for `--only`. */
  readonly name: string;
  /** What happens, in one sentence. */
  readonly title: string;
  /** How often {@link run} does it, unless told otherwise. Default 1. */
  readonly rounds?: number;
  /** So few do all that {@link title} says: no budget cuts it down any further. Default 1. */
  readonly fewestRounds?: number;
  /** Set when it can be done only once on the same topics: then it is one round, whatever is asked for. */
  readonly isOnce?: boolean;
  /** About how long a round takes, and what comes before and after all of them. */
  readonly seconds: { readonly round: number; readonly fixed: number };
  /** Which Kafka it needs; a broker that several faults share unless it says so. */
  readonly kafka?: KafkaNeeds;
  /** `every` publishes one total per click, so that a single doubled or missing one shows. Default `every`. */
  readonly emit?: 'every' | 'coalesced';
  /** Partitions of the topics. Default 4. */
  readonly partitions?: number;
  /**
   * `lively`: windows and sessions close while the fault runs, some clicks are late and some repeated. `plain`: clicks 1 ms
   * apart, each once, and the aggregator's own settings. Default `lively`.
   */
  readonly pace?: 'lively' | 'plain';
  /** Clicks of its load, where they are to differ from its pace. */
  readonly load?: ClickLoadOptions;
  /** Settings of all its aggregators. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What is expected of the aggregators that the fault leaves running: to end cleanly, or to have refused. */
  readonly ends?: 'running' | 'refused';
  /** Set when the input cannot be printed line by line, so that the load's own answer stands alone. */
  readonly isInputUnprintable?: boolean;
  /**
   * Set when the aggregator went on with `--accept-loss`: the input does not hold all that was counted, so that the load's
   * own answer stands alone, and `verify` has to say that it could not check everything.
   */
  readonly isLossAccepted?: boolean;
  /** Breaks things. When it resolves, everything must be able to come to rest by itself. @throws Error for a finding */
  readonly run: (context: FaultContext) => Promise<void>;
}

/** A Kafka of one's own, to be harmed. */
export interface KafkaNeeds {
  /** Nodes with a proxy before each, through which the apps go; without it one broker, and no proxy. */
  readonly nodes?: number;
  /** Lines of `server.properties`. */
  readonly config?: Readonly<Record<string, string>>;
  /** `ulimit -f` of the broker's process: what a full disk looks like. */
  readonly fileSizeLimitBlocks?: number;
}

/** What a fault works with. Everything that it starts ends with it. */
export interface FaultContext {
  readonly rounds: number;
  /** For choices that are drawn one after the other, whatever the clock says. */
  readonly random: RandomSource;
  /** Numbers for what draws by the clock beside them, such as a load of the fault's own. */
  readonly randomOf: (purpose: string) => RandomSource;
  /** A folder of this fault's own, kept when it fails. */
  readonly folder: string;
  /** Topics of this fault's own. Its connection leads past the proxies. */
  readonly topics: TestTopics;
  /** Clicks with a known answer; what it still writes in the end is ended. */
  readonly load: ClickLoad;
  /** Aborts when the fault has failed or taken too long; then nothing can be started any more. */
  readonly signal: AbortSignal;
  /** The broker, if it is its own. @throws Error if not */
  readonly broker: Broker;
  /** The brokers with their proxies. @throws Error if it needs none */
  readonly cluster: Cluster;
  /** The proxy of the first of them. @throws Error if it needs none */
  readonly proxy: KafkaProxy;
  /** Resolves after this time; rejects once the fault has to end. */
  readonly pause: (ms: number) => Promise<void>;
  /** Starts an aggregator, one total per click and small transactions unless told otherwise. */
  readonly startAggregator: (options?: AggregatorOptions) => AppProcess;
  /** Starts another app, on the same topics. */
  readonly startApp: (
    name: AppName,
    args: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ) => AppProcess;
  /**
   * Starts writing about this many a second, until the fault is over; when nothing can be written for long, that is a
   * finding.
   *
   * @returns what ends it before
   */
  readonly keepWriting: (perSecond: number) => () => Promise<void>;
  /**
   * Resolves when all that was written before now is counted, or as many records as there are if others than the load have
   * written. Notes how long that took, as time to recover.
   *
   * @throws Error when it takes too long; then it is counted what is missing
   */
  readonly recover: (by?: AppProcess, records?: number) => Promise<void>;
  /** Clicks of the producer app, whose answer is in a manifest and not in `load`. */
  readonly expectManifest: (file: string, clicks: number) => void;
  /** A line of the fault's log. */
  readonly note: (line: string) => void;
  /** A fact for the line that the suite prints about the fault. */
  readonly report: (fact: string) => void;
}

/** How to start an aggregator. */
export interface AggregatorOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly nodeOptions?: readonly string[];
  readonly crash?: Crash;
}

/** What came out of a fault. */
export interface Outcome {
  readonly fault: Fault;
  /** All of them, or with a failure those that were planned. */
  readonly rounds: number;
  readonly clicks: number;
  readonly lost: number;
  readonly doubled: number;
  readonly recoveriesMs: readonly number[];
  /** What the fault has reported beside. */
  readonly facts: readonly string[];
  readonly seconds: number;
  /** Why it failed, and where its logs are. */
  readonly failure?: { readonly finding: string; readonly folder: string };
}
