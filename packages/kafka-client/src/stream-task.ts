import { emptyCheckpoint, encodeCheckpoint, type Checkpoint, type InputState } from './checkpoint.ts';
import { KafkaClientError } from './error.ts';
import { firstAbort } from './first-abort.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { forwardedFrom, forwardHeaders, type RecordOrigin } from './forwarding.ts';
import { IdleWatch } from './idle-watch.ts';
import { firstReady, InputStream } from './input-stream.ts';
import { recordBytes } from './record-bytes.ts';
import { restoreTask } from './restore-task.ts';
import type { InputName, TaskLogic, TaskOutput } from './task-logic.ts';
import type { TaskPorts, TaskProducer } from './task-ports.ts';
import { isRefusal, taskRefusal } from './task-refusal.ts';
import type { TaskSettings, TaskStatus } from './task-settings.ts';
import type { TransactionBounds } from './transaction-bounds.ts';
import type { PlacedRecord, TopicPartitions } from './transactional-producer.ts';

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
    const restored = await restoreTask({
      settings: this.#settings,
      ports: this.#ports,
      partition: this.#partition,
      logic: this.#logic,
      status: this.#status,
      signal,
    });
    if (!restored) return;
    this.#checkpoint = restored.checkpoint;
    this.#checkpointEnd = restored.checkpointEnd;
    this.#ends = { ...restored.checkpoint.resultEnds };
    this.#areOffsetsBehind = restored.areOffsetsBehind;
    this.#show();
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
    const receivedFrom = this.#checkpoint.receivedFrom && { ...this.#checkpoint.receivedFrom };
    let lastBatch = this.#checkpoint[input].lastBatch;
    const advance = (position: bigint) => {
      this.#checkpoint = {
        ...this.#checkpoint,
        books: { ...books },
        marks: { ...marks },
        ...(receivedFrom && { receivedFrom: { ...receivedFrom } }),
        [input]: { ...this.#checkpoint[input], position, lastBatch },
      };
    };
    const record = batch.walk();
    while (record.next()) {
      const origin = forwardedFrom(input, record, this.#settings);
      if (origin !== undefined && origin !== 'unknown') {
        // Forwards of one partition arrive once each and in order.
        const { partition: from, offset } = origin;
        if (offset < (marks[from] ?? 0n)) this.#acceptRepetition(record.offset, origin);
        marks[from] = offset + 1n;
        if (receivedFrom) receivedFrom[from] = (receivedFrom[from] ?? 0) + 1;
      }
      const verdict = this.#logic.process(record, origin, this.#output);
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
    if (!acceptLoss)
      throw taskRefusal(this.#partition, `${why}. Delete it as well, or start once with --accept-loss`);
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
}
