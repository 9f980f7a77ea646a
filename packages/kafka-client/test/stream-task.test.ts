import pino from 'pino';
import { expect, test } from 'vitest';
import { emptyCheckpoint, encodeCheckpoint, type Checkpoint } from '../src/checkpoint.ts';
import { createFetchedBatch, type FetchedBatch } from '../src/fetched-batch.ts';
import { StreamTask } from '../src/stream-task.ts';
import type { InputName, TaskLogic } from '../src/task-logic.ts';
import type { TaskPorts } from '../src/task-ports.ts';
import { freshStatus } from '../src/task-settings.ts';
import { TransactionBounds } from '../src/transaction-bounds.ts';
import { encodeRecordBatch, type BatchRecord } from './encode-record-batch.ts';
import { logicOfNothing } from './logic-of-nothing.ts';

const IDLE_TIMEOUT_MS = 1_000;
const STEP_MS = 250;
/** Type 0 in a marker's key is an abort, 1 a commit. */
const [ABORT, COMMIT] = [0, 1];

const record = (key: Buffer, value: string | Buffer): BatchRecord => ({
  offsetDelta: 0,
  timestampMs: 5,
  key,
  value: Buffer.from(value),
  headers: [],
});
const click = record(Buffer.from('user'), 'click');

/** What a log holds at an offset; each is a record batch of its own. */
const CONTENTS = {
  click: (baseOffset: bigint) => encodeRecordBatch({ baseOffset, records: [click] }),
  aborted: (baseOffset: bigint) =>
    encodeRecordBatch({ baseOffset, records: [click], producerId: 7n, isTransactional: true }),
  marker: (baseOffset: bigint, type = COMMIT) =>
    encodeRecordBatch({
      baseOffset,
      records: [record(Buffer.from([0, 0, 0, type]), 'marker')],
      producerId: 7n,
      isTransactional: true,
      isControl: true,
    }),
  abort: (baseOffset: bigint) => CONTENTS.marker(baseOffset, ABORT),
};
type Content = keyof typeof CONTENTS;

/** Records of a topic's partition that are all committed, as one answer. */
function answer(topic: string, from: bigint, records: Buffer[]): FetchedBatch {
  const end = from + BigInt(records.length);
  const response = {
    highWatermark: end,
    lastStableOffset: end,
    logStartOffset: 0n,
    abortedTransactions: [],
    arrivedAt: 0,
  };
  return createFetchedBatch(
    { topic, partition: 0, errorCode: 0, ...response, records: Buffer.concat(records) },
    from,
  );
}

interface HarnessOptions {
  readonly checkpoint?: Checkpoint;
  /** Where the logs of both inputs begin and end. */
  readonly bounds?: { readonly start: bigint; readonly end: bigint };
}

/** A task over two inputs that bring what they are told to, one answer of each per 250 ms. */
class Harness {
  readonly told: number[] = [];
  /** What it was told to be gone of the records that memory is rebuilt from. */
  readonly gone: Parameters<TaskLogic['rebuildIsPartial']>[0][] = [];
  #nowMs = 0;
  readonly #over = new AbortController();
  readonly #feeds: Record<InputName, { batches: FetchedBatch[]; wake: () => void; position: bigint }> = {
    input: { batches: [], wake: () => undefined, position: 0n },
    repartition: { batches: [], wake: () => undefined, position: 0n },
  };
  readonly #running: Promise<void>;

  constructor(options: HarnessOptions = {}) {
    for (const input of ['input', 'repartition'] as const)
      this.#feeds[input].position = options.checkpoint?.[input].position ?? 0n;
    const settings = {
      log: pino({ level: 'silent' }),
      applicationId: 'app',
      inputTopic: 'input',
      repartitionTopic: 'repartition',
      checkpointTopic: 'checkpoint',
      resultTopics: [],
      otherTopics: [],
      partitions: 1,
      createLogic: () => this.#logic(),
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      commitIntervalMs: 0,
      commitMaxRecords: 100,
    };
    const task = new StreamTask(
      settings,
      this.#ports(options),
      0,
      freshStatus(0),
      new TransactionBounds(100),
    );
    this.#running = task.run(this.#over.signal, () => undefined);
  }

  /** Whether idle time leads to something that has to be committed, and what a commit waits for. */
  ticks = false;
  committed: Promise<void> = Promise.resolve();

  /** Lets 250 ms pass, and then both inputs answer: with nothing at the end of the log, or with what is given. */
  async step(input: readonly Content[] = [], repartition: readonly Content[] = []): Promise<void> {
    this.#nowMs += STEP_MS;
    this.#answer('input', input);
    this.#answer('repartition', repartition);
    // The task has nothing to wait for but promises that are settled.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time pass in which nothing comes. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  async stop(): Promise<void> {
    this.#over.abort();
    for (const { wake } of Object.values(this.#feeds)) wake();
    await this.#running;
  }

  #answer(input: InputName, contents: readonly Content[]): void {
    const feed = this.#feeds[input];
    const end = feed.position + BigInt(contents.length);
    const response = {
      topic: input,
      partition: 0,
      errorCode: 0,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: 0n,
      arrivedAt: this.#nowMs,
      abortedTransactions: contents.includes('aborted')
        ? [{ producerId: 7n, firstOffset: feed.position }]
        : [],
      records: Buffer.concat(
        contents.map((content, index) => CONTENTS[content](feed.position + BigInt(index))),
      ),
    };
    feed.batches.push(createFetchedBatch(response, feed.position));
    feed.position = end;
    feed.wake();
  }

  #ports({ checkpoint, bounds = { start: 0n, end: 0n } }: HarnessOptions): TaskPorts {
    const unused = () => Promise.reject(new Error('not to be called'));
    const feeds = this.#feeds;
    return {
      reader: {
        logBounds: (topic) =>
          Promise.resolve(topic === 'checkpoint' ? { start: 0n, end: checkpoint ? 1n : 0n } : bounds),
        read: async function* ({ topic, from, to }, signal) {
          if (topic === 'checkpoint' && checkpoint) {
            const records = [record(Buffer.from('0'), encodeCheckpoint(checkpoint))];
            yield answer(topic, from, [encodeRecordBatch({ baseOffset: from, records })]);
            return;
          }
          if (to !== undefined) {
            const offsets = Array.from({ length: Number(to - from) }, (_, index) => from + BigInt(index));
            yield answer(topic, from, offsets.map(CONTENTS.click));
            return;
          }
          const feed = feeds[topic as InputName];
          while (!signal?.aborted) {
            const batch = feed.batches.shift();
            if (batch) yield batch;
            else await new Promise<void>((resolve) => (feed.wake = resolve));
          }
        },
        silenceMs: () => 0,
        close: () => Promise.resolve(),
      },
      clock: {
        now: () => this.#nowMs,
        wallClockMs: () => this.#nowMs,
        delay: () => new Promise(() => undefined),
      },
      fence: () =>
        Promise.resolve({
          begin: () => Promise.resolve(),
          send: () => Promise.resolve(new Map<string, bigint>()),
          sendOffsets: () => Promise.resolve(),
          commit: () => this.committed,
          abortLeftOvers: () => Promise.resolve(),
          assertOwner: () => Promise.resolve(),
          drop: () => Promise.resolve(),
        }),
      joinGroup: unused,
      groupOffsets: () => Promise.resolve(new Map()),
      reach: unused,
      deleteRecords: unused,
    };
  }

  #logic(): TaskLogic {
    return logicOfNothing({
      rebuildIsPartial: (gone) => {
        this.gone.push(gone);
      },
      idle: (idleMs) => {
        this.told.push(idleMs);
        return this.ticks;
      },
    });
  }
}

/** Idle time told after each step. */
async function toldIn(steps: readonly (readonly [input?: Content[], repartition?: Content[]])[]) {
  const harness = new Harness();
  const told: number[] = [];
  for (const [input, repartition] of steps) {
    const before = harness.told.length;
    await harness.step(input, repartition);
    told.push(harness.told.slice(before).reduce((sum, idleMs) => sum + idleMs, 0));
  }
  await harness.stop();
  return told;
}

test('idle time runs on over markers and aborted records: nobody clicked, and tasks that start leave them with all others', async () => {
  const expected = [0, 0, 0, 0, 1_000, 250, 250];
  expect(await toldIn([[], [], [], [], [], [], []])).toEqual(expected);
  expect(await toldIn([[], [], [[], ['marker']], [], [], [[], ['abort']], []])).toEqual(expected);
  expect(await toldIn([[], [['aborted', 'abort']], [], [['marker']], [], [], []])).toEqual(expected);
});

test('idle time begins again with a record, whatever else came with it', async () => {
  expect(await toldIn([[], [], [], [['click']], [], [], [], [], []])).toEqual([
    0, 0, 0, 0, 0, 0, 0, 0, 1_000,
  ]);
  expect(await toldIn([[], [], [], [[], ['marker', 'click', 'marker']], [], [], [], [], []])).toEqual([
    0, 0, 0, 0, 0, 0, 0, 0, 1_000,
  ]);
});

test('idle time ends when an answer comes, not when the task gets to it after a commit', async () => {
  const harness = new Harness();
  for (let step = 0; step < 4; step++) await harness.step();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  harness.ticks = true;
  harness.committed = promise;
  await harness.step();
  harness.ticks = false;
  // Both inputs answer while the commit lasts: somebody may have clicked since then.
  await harness.step();
  harness.pass(700);
  // One answer waits behind another.
  await harness.step();
  harness.pass(600);
  resolve(undefined);
  await harness.step();
  expect(harness.told.filter((idleMs) => idleMs > 0)).toEqual([1_000, 250, 950, 850]);
  await harness.stop();
});

test('a rebuild from an input that retention has shortened says which of its records are gone', async () => {
  const checkpoint: Checkpoint = {
    ...emptyCheckpoint(1),
    sequence: 1,
    input: { position: 9n, rebuildFrom: 4n },
    repartition: { position: 9n, rebuildFrom: 7n },
    state: null,
  };
  const harness = new Harness({ checkpoint, bounds: { start: 6n, end: 9n } });
  await harness.step();
  await harness.stop();
  expect(harness.gone).toEqual([{ input: 'input', below: 6n }]);
});
