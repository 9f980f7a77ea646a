import type { Coverage } from './coverage.ts';
import type { ModelCluster } from './model-cluster.ts';
import type { ModelGroup } from './model-group.ts';
import type { ModelNetwork } from './model-network.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { SessionSettings } from './session-result.ts';
import type { Trace } from './trace.ts';
import type { WindowSettings } from './window-result.ts';

/** Topics of the simulated application. */
export const TOPICS = {
  input: 'clicks',
  repartition: 'app_repartition',
  checkpoint: 'app_checkpoint',
  results: 'totals',
  windows: 'windows',
  sessions: 'sessions',
  deadLetters: 'dead_letters',
} as const;
export const APPLICATION_ID = 'app';

/** The wall clock of all processes when a schedule begins, ms since the epoch. */
export const EPOCH_MS = 1_000_000;

/** Time-outs, scaled down from those of the product so that a schedule is short; their order is kept. */
export interface Timeouts {
  readonly requestMs: number;
  readonly transactionMs: number;
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  readonly rebalanceMs: number;
  /** The broker's long poll. */
  readonly fetchMs: number;
  /** After this long without its leader a reading fails. */
  readonly leaderlessMs: number;
}

/** All that a schedule is made of. */
export interface World {
  readonly partitions: number;
  readonly nodes: number;
  readonly timeouts: Timeouts;
  readonly windows: WindowSettings;
  /** Undefined in schedules without sessions. */
  readonly sessions: SessionSettings | undefined;
  /** Whether retention removes clicks that are counted, and that memory would have to be rebuilt from. */
  readonly isForgetful: boolean;
  /** Whether transactions may end without their markers. */
  readonly losesMarkers: boolean;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly network: ModelNetwork;
  readonly cluster: ModelCluster;
  readonly group: ModelGroup;
}

/** The node with the coordinator of the group, and that of all transactions. */
export const GROUP_NODE = 0;

export function coordinatorNode({ nodes }: World): number {
  return nodes - 1;
}

/** The node that leads a partition. */
export function leaderNode({ nodes }: World, topic: string, partition: number): number {
  return (topic.length + partition) % nodes;
}
