import { checkInput } from './check-input.ts';
import { encodeCheckpoint, readCheckpoint, type Checkpoint, type InputState } from './checkpoint.ts';
import { describeError, KafkaClientError } from './error.ts';
import { firstAbort } from './first-abort.ts';
import type { FetchedBatch, RecordCursor } from './fetched-batch.ts';
import { forwardHeaders, originOf, type RecordOrigin } from './forwarding.ts';
import { IdleWatch } from './idle-watch.ts';
import { firstReady, InputStream } from './input-stream.ts';
import type { Logger } from './logger.ts';
import { recordBytes } from './record-bytes.ts';
import type { ForwardedFrom, InputName, TaskLogic, TaskOutput } from './task-logic.ts';
import type { TaskPorts, TaskProducer } from './task-ports.ts';
import type { TransactionBounds } from './transaction-bounds.ts';
import type { PlacedRecord, TopicPartitions } from './transactional-producer.ts';

/**
 * Moments at which a test may end the process. `after-send` is after a request that is not the transaction's last one,
 * so that it comes in large transactions only; `commit-sent` is while nobody here knows how the commit will end.
 */
export const CRASH_POINTS = [
  'after-fence',
  'during-restore',
  'after-send',
  'after-checkpoint',
  'after-offsets',
  'commit-sent',
  'after-commit',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Told how each transaction ended and how long it took, in seconds. */
export type TransactionObserver = (outcome: 'committed' | 'failed', seconds: number) => void;

/** What all tasks of an application have in common. */
export interface TaskSettings {
  readonly log: Logger;
  /** Consumer group, and prefix of the transactional ids. */
  readonly applicationId: string;
  readonly inputTopic: string;
  readonly repartitionTopic: string;
  readonly checkpointTopic: string;
  /** Topics that state is restored from. */
  readonly resultTopics: readonly string[];
  /** Other topics written to: a task without a checkpoint refuses to start where one of them has records. */
  readonly otherTopics: readonly string[];
  readonly partitions: number;
  readonly createLogic: (partition: number) => TaskLogic;
  /** How long both inputs bring nothing before that is told as idle time, ms. */
  readonly idleTimeoutMs: number;
  /** Least time between two commits of a task, ms. */
  readonly commitIntervalMs: number;
  /** Most records written in one transaction, give or take those of one record. */
  readonly commitMaxRecords: number;
  /** Goes on where the input lost records that were not counted; without it, the task refuses. */
  readonly acceptLoss?: boolean;
  readonly onTransaction?: TransactionObserver;
  /** Called at the named moments, for tests that end the process there. */
  readonly reach?: (point: CrashPoint) => void;
}

/** What a task tells about itself. */
export interface TaskStatus {
  readonly partition: number;
  state: 'fencing' | 'restoring' | 'running' | 'stopped';
  /** Of the task and of the application. */
  books: Checkpoint['books'] & Readonly<Record<string, number>>;
  sums: Record<string, number>;
  /** Sizes of what the application holds in memory. */
  memory: Readonly<Record<string, number>>;
  /** Offsets read through so far when the task started last, and all that there were. */
  restored: number;
  restoreGoal: number;
  /** Kafka timestamp of the last record processed, ms since the epoch; 0 before the first. */
  lastIngestTimeMs: number;
  /** Offsets of each input behind its position, as of the last fetch; undefined before the first. */
  lags: Record<InputName, bigint | undefined>;
  /** The repartition topic is of no use below this offset any more, once something of it was read. */
  purgeable?: bigint;
}

/**
 * Least time between two transactions of a task that carry the group's offsets. They are for tools only and make two of
 * a transaction's five requests, so most transactions go without.
 */
const OFFSETS_INTERVAL_MS = 1_000;

/**
 * The work on partition *p*: of the input topic and the repartition topic together, exactly once. One transactional
 * id, one lane, one checkpoint. In order:
 *
 * 1. **Fence**: take over the transactional id, which aborts what an earlier owner left open.
 * 2. **Restore**: read the newest committed checkpoint, then the results, up to the last stable offset; assert that
 *    they agree; read again what memory needs of the inputs; seek them to the checkpoint's positions.
 * 3. **Process** a fetched batch into the state in memory; an empty one may tell that the inputs are idle.
 * 4. **Send** results, dead letters and forwards, and as the last record the checkpoint that covers them.
 * 5. **Send offsets** of both inputs, for lag tools and for whoever reads the group: at most once a second, and when the
 *    task stops. The checkpoint says what they are.
 * 6. **Commit**.
 *
 * A crash before 6 was answered by the broker's log costs nothing: the transaction is aborted by the next owner's 1,
 * its records are never seen, and 2 finds the state as of the commit before. A crash after it costs nothing either: 2
 * finds the new state. An unknown outcome of 6 is decided by 2. An error anywhere throws out of {@link run}; state
 * and producer are thrown away together, which is why 3 may change the state in place.
 */
export class StreamTask {
  readonly #settings: TaskSettings;
  readonly #ports: TaskPorts;
  readonly #partition: number;
  readonly #status: TaskStatus;
  readonly #bounds: TransactionBounds;
  readonly #logic: TaskLogic;

  #checkpoint: Checkpoint;
  /** Where the next checkpoint will stand. */
  #checkpointEnd = 0n;
  /** Outputs since the last commit. */
  #records: PlacedRecord[] = [];
  #recordsBytes = 0;
  /** Where the next record of each result topic will stand: they have one writer. */
  #ends: Record<string, bigint> = {};
  #isDirty = false;
  /** Whether the group's offsets are behind the positions. */
  #areOffsetsBehind = false;
  #lastCommitAt = -Infinity;
  #lastOffsetsAt = -Infinity;

  /** @param bounds kept over restarts, since they are learned. */
  constructor(
    settings: TaskSettings,
    ports: TaskPorts,
    partition: number,
    status: TaskStatus,
    bounds: TransactionBounds,
  ) {
    this.#settings = settings;
    this.#ports = ports;
    this.#partition = partition;
    this.#status = status;
    this.#bounds = bounds;
    this.#logic = settings.createLogic(partition);
    this.#checkpoint = emptyCheckpoint(settings.partitions);
  }

  /**
   * Works until `signal` aborts, then commits what is processed.
   *
   * @param onRunning called when the state is restored.
   * @throws KafkaClientError `CLICKSTREAM_KAFKA_REFUSED` when going on would count wrongly, for the process to end;
   * anything else when the task has to start again.
   */
  async run(signal: AbortSignal, onRunning: () => void): Promise<void> {
    const { applicationId, reach } = this.#settings;
    this.#status.state = 'fencing';
    this.#status.restored = 0;
    this.#status.lags = { input: undefined, repartition: undefined };
    const producer = await this.#ports.fence(`${applicationId}-${this.#partition}`);
    try {
      await producer.abortLeftOvers(this.#outputs(), applicationId);
      reach?.('after-fence');
      this.#status.state = 'restoring';
      await this.#restore(signal).catch(async (error: unknown) => {
        // If somebody took over meanwhile, what was read is of several moments and does not agree for that reason.
        if (isRefusal(error)) await producer.assertOwner(applicationId);
        throw error;
      });
      if (signal.aborted) return;
      this.#status.state = 'running';
      onRunning();
      await this.#work(producer, signal);
    } finally {
      this.#status.state = 'stopped';
      await producer.drop();
    }
  }

  /** Wherever a transaction of this task may write. */
  #outputs(): TopicPartitions[] {
    const { resultTopics, otherTopics, checkpointTopic, repartitionTopic, partitions } = this.#settings;
    return [
      ...[...resultTopics, ...otherTopics, checkpointTopic].map((topic) => ({
        topic,
        partitions: [this.#partition],
      })),
      { topic: repartitionTopic, partitions: Array.from({ length: partitions }, (_, index) => index) },
    ];
  }

  async #restore(signal: AbortSignal): Promise<void> {
    const { resultTopics, otherTopics, checkpointTopic, partitions } = this.#settings;
    const partition = this.#partition;
    const { reader } = this.#ports;
    const { checkpoint: found, end: checkpointEnd } = await readCheckpoint(
      reader,
      checkpointTopic,
      partition,
    );
    this.#checkpointEnd = checkpointEnd;
    if (found)
      try {
        this.#logic.resume(found.state);
      } catch (error) {
        throw this.#refuse(describeError(error), error);
      }
    const removed: string[] = [];
    for (const topic of [...resultTopics, ...otherTopics]) {
      const { start, end } = await reader.logBounds(topic, partition);
      this.#ends[topic] = end;
      if (found && otherTopics.includes(topic)) continue;
      const from = found?.resultsFrom[topic] ?? start;
      if (from < start) removed.push(`${topic} begins at offset ${start} and is needed from ${from} on`);
      await this.#readThrough({ topic, from: from > start ? from : start, to: end }, signal, (record) => {
        if (!found)
          throw this.#refuse(
            `${topic} has records but ${checkpointTopic} has no checkpoint of them. Counting from the start would count everything twice: use the APPLICATION_ID that wrote them, or other result and dead-letter topics`,
          );
        try {
          this.#logic.restore(topic, record);
        } catch (error) {
          throw this.#refuse(describeError(error), error);
        }
      });
    }
    if (signal.aborted) return;
    if (found) {
      if (found.partitions !== partitions)
        throw this.#refuse(
          `the topics have ${partitions} partitions and the checkpoint was made with ${found.partitions}: users would change their home. Use new topic names and replay`,
        );
      const sums = this.#logic.sums();
      for (const [name, sum] of Object.entries(found.sums))
        if (sums[name] !== sum)
          throw this.#refuse(
            `the restored state has ${name} = ${sums[name] ?? 'nothing'} and the checkpoint says ${sum}: ${
              removed.length > 0
                ? `${removed.join(', ')}: retention removed results of open windows or sessions, or somebody did`
                : 'the result topics were changed by somebody else'
            }`,
          );
      this.#checkpoint = found;
    }
    this.#checkpoint = { ...this.#checkpoint, resultEnds: { ...this.#ends } };
    await this.#openInputs(found !== undefined);
    await this.#rebuild('input', this.#settings.inputTopic, signal);
    await this.#rebuild('repartition', this.#settings.repartitionTopic, signal);
    this.#show();
  }

  /** Reads an input again below its position, for what memory needs of it. */
  async #rebuild(input: InputName, topic: string, signal: AbortSignal): Promise<void> {
    const { position: to, rebuildFrom: from = to } = this.#checkpoint[input];
    if (from >= to) return;
    const { start } = await this.#ports.reader.logBounds(topic, this.#partition);
    if (start > from) {
      this.#settings.log.warn(
        `partition ${this.#partition}: ${topic} begins at offset ${start} and memory is rebuilt from ${from}: retention removed records that are counted, but that windows and de-duplication need`,
      );
      this.#logic.rebuildIsPartial({ input, below: start });
    }
    await this.#readThrough({ topic, from: start > from ? start : from, to }, signal, (record) => {
      this.#logic.rebuild(record, this.#forwardedFrom(input, record));
    });
  }

  /** Where a record of the repartition topic was read first, if it was one of our tasks that forwarded it. */
  #forwardedFrom(input: InputName, record: RecordCursor): ForwardedFrom {
    if (input === 'input') return undefined;
    const { inputTopic, partitions } = this.#settings;
    const origin = originOf(record);
    return origin?.topic === inputTopic && origin.partition < partitions ? origin : 'unknown';
  }

  /** Reads a stretch of the task's partition of a topic, for a restore. */
  async #readThrough(
    { topic, from, to }: { readonly topic: string; readonly from: bigint; readonly to: bigint },
    signal: AbortSignal,
    take: (record: RecordCursor) => void,
  ): Promise<void> {
    const before = this.#status.restored;
    this.#status.restoreGoal = before + Number(to - from);
    for await (const batch of this.#ports.reader.read(
      { topic, partition: this.#partition, from, to },
      signal,
    )) {
      for (const record = batch.walk(); record.next();) take(record);
      this.#status.restored = before + Number(batch.nextOffset - from);
      this.#settings.reach?.('during-restore');
    }
  }

  /** Decides where the inputs are read from: at the checkpoint's positions, without one at their beginning. */
  async #openInputs(hasCheckpoint: boolean): Promise<void> {
    const { log, applicationId, inputTopic, repartitionTopic, acceptLoss = false } = this.#settings;
    const { reader } = this.#ports;
    const partition = this.#partition;
    if (!hasCheckpoint) {
      const [input, repartition] = [
        { position: (await reader.logBounds(inputTopic, partition)).start },
        { position: (await reader.logBounds(repartitionTopic, partition)).start },
      ];
      this.#checkpoint = { ...this.#checkpoint, input, repartition };
      return;
    }
    const topics = [inputTopic, repartitionTopic];
    const groupOffsets = await this.#ports.groupOffsets(applicationId, topics);
    const groupOffset = (topic: string) => groupOffsets.get(topic)?.get(partition);
    const check = (state: InputState, topic: string) =>
      checkInput({
        reader,
        log,
        topic,
        partition,
        state,
        groupOffset: groupOffset(topic),
        acceptLoss,
      });
    const input = await check(this.#checkpoint.input, inputTopic);
    const repartition = await check(this.#checkpoint.repartition, repartitionTopic);
    if (input !== this.#checkpoint.input || repartition !== this.#checkpoint.repartition)
      this.#logic.rebuildIsPartial();
    this.#checkpoint = { ...this.#checkpoint, input, repartition };
    // A group offset that is missing, or wrong and accepted, is written with the next commit.
    this.#areOffsetsBehind =
      groupOffset(inputTopic) !== input.position || groupOffset(repartitionTopic) !== repartition.position;
  }

  async #work(producer: TaskProducer, signal: AbortSignal): Promise<void> {
    const { inputTopic, repartitionTopic, commitIntervalMs, idleTimeoutMs } = this.#settings;
    const idle = new IdleWatch(idleTimeoutMs);
    // What was so at the checkpoint may be long ago.
    this.#logic.caughtUp('input', false);
    this.#logic.caughtUp('repartition', false);
    const over = new AbortController();
    const end = firstAbort(signal, over.signal);
    const open = (input: InputName, topic: string): InputStream => {
      const { position: from } = this.#checkpoint[input];
      const range = { topic, partition: this.#partition, from };
      return new InputStream(input, this.#ports.reader.read(range, end));
    };
    const streams = [open('input', inputTopic), open('repartition', repartitionTopic)];
    try {
      while (!signal.aborted) {
        const dueInMs = this.#msUntilCommit(commitIntervalMs);
        if (dueInMs <= 0) {
          await this.#commit(producer);
          continue;
        }
        const stream = await firstReady(streams, dueInMs, this.#ports.clock);
        if (!stream) continue;
        // Of two that are ready the race is won by the first: whoever won stands behind the other next time.
        streams.sort((one) => (one === stream ? 1 : -1));
        const batch = await stream.take();
        if (!batch) break;
        await this.#process(stream.input, batch, producer, signal);
        // Unless it was told to stop in the middle of it.
        if (this.#checkpoint[stream.input].position === batch.nextOffset)
          this.#observe(stream.input, batch, idle);
      }
      if (this.#isDirty || this.#areOffsetsBehind) {
        this.#lastOffsetsAt = -Infinity;
        await this.#commit(producer);
      }
    } finally {
      over.abort();
      await Promise.all(streams.map((stream) => stream.close()));
    }
  }

  /** Time until the next commit is due; Infinity when there is nothing to commit. */
  #msUntilCommit(commitIntervalMs: number): number {
    if (this.#logic.isClosing) return 0;
    const now = this.#ports.clock.now();
    if (this.#isDirty) return this.#lastCommitAt + commitIntervalMs - now;
    return this.#areOffsetsBehind ? this.#lastOffsetsAt + OFFSETS_INTERVAL_MS - now : Infinity;
  }

  async #process(
    input: InputName,
    batch: FetchedBatch,
    producer: TaskProducer,
    signal: AbortSignal,
  ): Promise<void> {
    if (batch.fetchedOffset !== this.#checkpoint[input].position)
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_STALLED',
        `a batch fetched at ${batch.fetchedOffset} came where ${this.#checkpoint[input].position} was expected`,
      );
    this.#status.lags = { ...this.#status.lags, [input]: batch.highWatermark - batch.nextOffset };
    if (batch.nextOffset === batch.fetchedOffset) return;
    this.#logic.caughtUp(input, false);

    const books = { ...this.#checkpoint.books };
    const marks = { ...this.#checkpoint.marks };
    const receivedFrom = { ...this.#checkpoint.receivedFrom };
    let lastBatch = this.#checkpoint[input].lastBatch;
    const advance = (position: bigint) => {
      this.#checkpoint = {
        ...this.#checkpoint,
        books: { ...books },
        marks: { ...marks },
        receivedFrom: { ...receivedFrom },
        [input]: { ...this.#checkpoint[input], position, lastBatch },
      };
    };
    const record = batch.walk();
    while (record.next()) {
      const forwardedFrom = this.#forwardedFrom(input, record);
      if (forwardedFrom !== undefined && forwardedFrom !== 'unknown') {
        // Forwards of one partition arrive once each and in order.
        const { partition: from, offset } = forwardedFrom;
        if (offset < (marks[from] ?? 0n)) this.#acceptRepetition(record.offset, forwardedFrom);
        marks[from] = offset + 1n;
        receivedFrom[from] = (receivedFrom[from] ?? 0) + 1;
      }
      const verdict = this.#logic.process(record, forwardedFrom, this.#output);
      books[verdict]++;
      if (input === 'input') books.read++;
      else books.received++;
      this.#isDirty = true;
      if (lastBatch?.baseOffset !== record.batchBaseOffset)
        lastBatch = { baseOffset: record.batchBaseOffset, crc: record.batchCrc };
      if (this.#output.isFull() || this.#logic.isClosing) {
        advance(record.offset + 1n);
        do await this.#commit(producer);
        while (this.#logic.isClosing && !signal.aborted);
        if (signal.aborted) return;
      }
    }
    if (record.timestampMs > 0) this.#status.lastIngestTimeMs = record.timestampMs;
    advance(batch.nextOffset);
    this.#areOffsetsBehind = true;
  }

  /** Tells the application whether it has read all there is, and for how long nothing has come. */
  #observe(input: InputName, batch: FetchedBatch, idle: IdleWatch): void {
    const { nextOffset, lastStableOffset, highWatermark, arrivedAt } = batch;
    // Markers and aborted records are nobody's click, and each task that starts leaves markers with all others: an answer of
    // nothing else is like one that was asked for behind them.
    const fetchedOffset = batch.walk().next() ? batch.fetchedOffset : nextOffset;
    const isCaughtUp = nextOffset === lastStableOffset && lastStableOffset === highWatermark;
    this.#logic.caughtUp(input, isCaughtUp);
    const { clock } = this.#ports;
    const idleMs = idle.answer(input, isCaughtUp && nextOffset === fetchedOffset, arrivedAt);
    if (idleMs === undefined) this.#logic.idleEnded?.();
    else if (idleMs > 0 && this.#logic.idle(idleMs, clock.wallClockMs(), this.#output)) this.#isDirty = true;
  }

  /** A forward that was received before: its partition was counted from the start again, or its topic made anew. */
  #acceptRepetition(position: bigint, { partition: from, offset }: RecordOrigin): void {
    const { repartitionTopic, acceptLoss, log } = this.#settings;
    const why = `${repartitionTopic} holds at offset ${position} the click of partition ${from} at offset ${offset}, behind later ones of that partition: it was kept although other topics were deleted`;
    if (!acceptLoss) throw this.#refuse(`${why}. Delete it as well, or start once with --accept-loss`);
    log.warn(`partition ${this.#partition}: ${why}; counting it, as --accept-loss says`);
    this.#checkpoint = {
      ...this.#checkpoint,
      repartition: { ...this.#checkpoint.repartition, lossAccepted: position },
    };
  }

  readonly #output: TaskOutput = {
    write: (record) => {
      const offset = this.#ends[record.topic];
      if (offset === undefined)
        throw new Error(`${record.topic} is no topic that this application writes to`);
      this.#put({ ...record, partition: this.#partition });
      this.#ends[record.topic] = offset + 1n;
      return offset;
    },
    forward: (record, homePartition, key) => {
      this.#put({
        topic: this.#settings.repartitionTopic,
        partition: homePartition,
        key,
        value: record.value(),
        headers: forwardHeaders(record, key, {
          topic: this.#settings.inputTopic,
          partition: this.#partition,
        }),
      });
    },
    isFull: () =>
      this.#bounds.areReached(
        this.#records.length + this.#logic.heldBack,
        this.#recordsBytes + this.#logic.heldBackBytes,
      ),
  };

  #put(record: PlacedRecord): void {
    this.#records.push(record);
    this.#recordsBytes += recordBytes(record);
  }

  async #commit(producer: TaskProducer): Promise<void> {
    const { clock } = this.#ports;
    const startedAt = clock.now();
    this.#logic.flush(this.#output);
    const fill = this.#bounds.fillOf(this.#records.length, this.#recordsBytes);
    let outcome: 'committed' | 'failed' = 'failed';
    try {
      await this.#writeTransaction(producer);
      outcome = 'committed';
    } finally {
      this.#lastCommitAt = clock.now();
      const tookMs = this.#lastCommitAt - startedAt;
      this.#bounds.learn(tookMs, fill);
      this.#settings.onTransaction?.(outcome, tookMs / 1000);
    }
  }

  async #writeTransaction(producer: TaskProducer): Promise<void> {
    const { applicationId, inputTopic, repartitionTopic, checkpointTopic, reach } = this.#settings;
    const partition = this.#partition;
    const records = this.#records;
    this.#records = [];
    this.#recordsBytes = 0;

    // 4. The results have one writer, so where they will stand is known before they are written; that it was
    // so is checked after, which also shows a marker too few or too many. Thus the checkpoint goes out with them, in one request.
    const expected = { ...this.#checkpoint.resultEnds, [checkpointTopic]: this.#checkpointEnd };
    const ends = { ...this.#ends };
    const sendsOffsets = this.#ports.clock.now() - this.#lastOffsetsAt >= OFFSETS_INTERVAL_MS;
    const committed = (input: InputName): InputState => {
      const state = this.#checkpoint[input];
      return {
        ...state,
        rebuildFrom: this.#logic.rebuildFrom(input, state.position),
        ...(sendsOffsets && { groupOffset: state.position }),
      };
    };
    const checkpoint: Checkpoint = {
      ...this.#checkpoint,
      input: committed('input'),
      repartition: committed('repartition'),
      sequence: this.#checkpoint.sequence + 1,
      resultEnds: ends,
      resultsFrom: this.#logic.resultsFrom(),
      state: this.#logic.snapshot(),
      sums: this.#logic.sums(),
    };
    await producer.begin();
    const checkpointRecord = {
      topic: checkpointTopic,
      partition,
      key: Buffer.from(String(partition)),
      value: encodeCheckpoint(checkpoint),
    };
    const firstOffsets = await producer.send([...records, checkpointRecord], () => reach?.('after-send'));
    for (const [topic, offset] of Object.entries(expected)) {
      const first = firstOffsets.get(`${topic}/${partition}`);
      if (first !== undefined && first !== offset)
        throw new KafkaClientError(
          'CLICKSTREAM_KAFKA_STALLED',
          `${topic} [${partition}] continued at offset ${first} instead of ${offset}: a broker that was away has ended a transaction there twice or not at all, or somebody else writes to it`,
        );
    }
    reach?.('after-checkpoint');
    if (sendsOffsets) {
      // 5.
      await producer.sendOffsets(applicationId, [
        { topic: inputTopic, partition, offset: checkpoint.input.position },
        { topic: repartitionTopic, partition, offset: checkpoint.repartition.position },
      ]);
      reach?.('after-offsets');
    }
    // 6. The commit leaves a marker in every partition it wrote to.
    const answered = producer.commit();
    if (reach) {
      // Whoever armed it wants the request gone, which is written to its socket before any timer runs.
      await Promise.race([answered, this.#ports.clock.delay(0)]);
      reach('commit-sent');
    }
    await answered;
    reach?.('after-commit');
    const marked = Object.fromEntries(
      Object.entries(ends).map(([topic, end]) => [
        topic,
        firstOffsets.has(`${topic}/${partition}`) ? end + 1n : end,
      ]),
    );
    this.#checkpoint = { ...checkpoint, resultEnds: marked };
    // The record and the marker.
    this.#checkpointEnd += 2n;
    this.#ends = { ...marked };
    this.#isDirty = false;
    this.#areOffsetsBehind = !sendsOffsets;
    if (sendsOffsets) this.#lastOffsetsAt = this.#ports.clock.now();
    this.#show();
    if (checkpoint.repartition.lastBatch && checkpoint.repartition.rebuildFrom !== undefined)
      this.#status.purgeable = checkpoint.repartition.rebuildFrom;
  }

  /** Tells how things stand as of the last commit. */
  #show(): void {
    const { books, sums } = this.#checkpoint;
    this.#status.books = { ...books, ...this.#logic.books?.() };
    this.#status.sums = sums;
    this.#status.memory = this.#logic.memory?.() ?? {};
  }

  #refuse(why: string, cause?: unknown): KafkaClientError {
    return new KafkaClientError(
      'CLICKSTREAM_KAFKA_REFUSED',
      `partition ${this.#partition} cannot go on: ${why}`,
      { cause, partition: this.#partition },
    );
  }
}

/** Whether an error is for the process to end, not for the task to start again. */
export function isRefusal(error: unknown): error is KafkaClientError {
  return error instanceof KafkaClientError && error.code === 'CLICKSTREAM_KAFKA_REFUSED';
}

/** The books of a task that has read nothing. */
export const EMPTY_BOOKS: Checkpoint['books'] = {
  read: 0,
  counted: 0,
  duplicate: 0,
  rejected: 0,
  forwarded: 0,
  received: 0,
};

function emptyCheckpoint(partitions: number): Checkpoint {
  return {
    version: 1,
    sequence: 0,
    partitions,
    input: { position: 0n },
    repartition: { position: 0n },
    marks: {},
    receivedFrom: {},
    resultEnds: {},
    resultsFrom: {},
    books: EMPTY_BOOKS,
    sums: {},
    state: undefined,
  };
}
