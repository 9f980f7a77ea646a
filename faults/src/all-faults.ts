import type { Fault } from './fault.ts';
import { abortedCanaries } from './faults/aborted-canaries.ts';
import { aggregatorStopped } from './faults/aggregator-stopped.ts';
import { badLine } from './faults/bad-line.ts';
import { brokerAbsentAtStart } from './faults/broker-absent-at-start.ts';
import { brokerRestarts } from './faults/broker-restarts.ts';
import { brokerSilent } from './faults/broker-silent.ts';
import { canariesOnThePage } from './faults/canaries-on-the-page.ts';
import { clockSteps } from './faults/clock-steps.ts';
import { commitHeldPastRestart } from './faults/commit-held-past-restart.ts';
import { commitResponseLost } from './faults/commit-response-lost.ts';
import { compaction } from './faults/compaction.ts';
import { coordinatorNotReady } from './faults/coordinator-not-ready.ts';
import { diskFull } from './faults/disk-full.ts';
import { gapsInReplay } from './faults/gaps-in-replay.ts';
import { inputRecreated } from './faults/input-recreated.ts';
import { joinAndLeave } from './faults/join-and-leave.ts';
import { killAtEachMoment } from './faults/kill-at-each-moment.ts';
import { killAtRandomMoments } from './faults/kill-at-random-moments.ts';
import { killOneOfTwo } from './faults/kill-one-of-two.ts';
import { largeBacklog } from './faults/large-backlog.ts';
import { leaderFailsFast } from './faults/leader-fails-fast.ts';
import { leadersMove } from './faults/leaders-move.ts';
import { nodeCutOff } from './faults/node-cut-off.ts';
import { nodesKilled } from './faults/nodes-killed.ts';
import { oneSeatForTwo } from './faults/one-seat-for-two.ts';
import { partitionsAdded } from './faults/partitions-added.ts';
import { poison } from './faults/poison.ts';
import { produceHeldPastTakeOver } from './faults/produce-held-past-take-over.ts';
import { producerKilled } from './faults/producer-killed.ts';
import { producerStopped } from './faults/producer-stopped.ts';
import { resultsConsumerStopped } from './faults/results-consumer-stopped.ts';
import { retentionOvertakes } from './faults/retention-overtakes.ts';
import { stoppedTwice } from './faults/stopped-twice.ts';
import { urlFlood } from './faults/url-flood.ts';
import { windowLoadKilled } from './faults/window-load-killed.ts';
import { zombieWakesUp } from './faults/zombie-wakes-up.ts';

/** All faults there are, in the order of the table. */
export const ALL_FAULTS: readonly Fault[] = [
  killAtEachMoment,
  killAtRandomMoments,
  windowLoadKilled,
  killOneOfTwo,
  joinAndLeave,
  zombieWakesUp,
  oneSeatForTwo,
  commitResponseLost,
  commitHeldPastRestart,
  produceHeldPastTakeOver,
  abortedCanaries,
  canariesOnThePage,
  compaction,
  brokerRestarts,
  brokerSilent,
  coordinatorNotReady,
  brokerAbsentAtStart,
  badLine,
  diskFull,
  nodesKilled,
  leadersMove,
  nodeCutOff,
  leaderFailsFast,
  producerKilled,
  producerStopped,
  aggregatorStopped,
  resultsConsumerStopped,
  stoppedTwice,
  poison,
  largeBacklog,
  urlFlood,
  gapsInReplay,
  clockSteps,
  inputRecreated,
  retentionOvertakes,
  partitionsAdded,
];
