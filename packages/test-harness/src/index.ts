export { startAggregator, type Crash } from './aggregator-process.ts';
export {
  startApp,
  type AppName,
  type AppProcess,
  type AppProcessOptions,
  type RunningApp,
} from './app-process.ts';
export { assertBooks } from './assert-books.ts';
export { assertExact } from './assert-exact.ts';
export { assertVerified } from './assert-verified.ts';
export { countIdle } from './count-idle.ts';
export {
  createClickLoad,
  UNFORWARDED_PARTITION,
  type ClickLoad,
  type ClickLoadOptions,
  type LoadAnswer,
} from './click-load.ts';
export {
  sumOfBooks,
  untilAllClosed,
  untilAllRead,
  untilCheckpoints,
  type Books,
  type NewestCheckpoint,
} from './newest-checkpoints.ts';
export { keepDoing } from './keep-doing.ts';
export { openTransaction } from './open-transaction.ts';
export { createRandomSource, type RandomSource } from './random-source.ts';
export { readCommitted } from './read-committed.ts';
export { readFinalPages } from './read-final-pages.ts';
export { readDeadLetters } from './read-dead-letters.ts';
export { createTestTopics, type AtEnd, type TestTopics, type TestTopicsOptions } from './test-topics.ts';
export { WatchedOutput } from './watched-output.ts';
export { createWindowLoad, WINDOW_LOAD_ENVIRONMENT, type WindowLoad } from './window-load.ts';
export { startWitness, type Witness } from './witness.ts';
