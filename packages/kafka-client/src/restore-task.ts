import { checkInput } from './check-input.ts';
import { emptyCheckpoint, readCheckpoint, type Checkpoint, type InputState } from './checkpoint.ts';
import { describeError } from './error.ts';
import type { RecordCursor } from './fetched-batch.ts';
import { forwardedFrom } from './forwarding.ts';
import type { InputName, TaskLogic } from './task-logic.ts';
import type { TaskPorts } from './task-ports.ts';
import { taskRefusal } from './task-refusal.ts';
import type { TaskSettings, TaskStatus } from './task-settings.ts';

/** What is restored, and into what. */
export interface RestoreOptions {
  readonly settings: TaskSettings;
  readonly ports: Pick<TaskPorts, 'reader' | 'groupOffsets'>;
  readonly partition: number;
  /** A fresh one. */
  readonly logic: TaskLogic;
  /** Told how far the restore is. */
  readonly status: TaskStatus;
  readonly signal: AbortSignal;
}

/** Where a task goes on. */
export interface RestoredTask {
  readonly checkpoint: Checkpoint;
  /** Where the next checkpoint will stand. */
  readonly checkpointEnd: bigint;
  /** Whether the group's offsets are not those of the checkpoint. */
  readonly areOffsetsBehind: boolean;
}

/**
 * Brings a task's memory to its newest committed checkpoint: reads the results up to the last stable offset, asserts that
 * they agree with it, sees to it that the inputs still are what it speaks of, and reads again what memory needs of them.
 * Only for the owner of the transactional id: for others the topics may change meanwhile.
 *
 * @returns undefined when `signal` aborts.
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_REFUSED` when going on would count wrongly.
 */
export async function restoreTask(options: RestoreOptions): Promise<RestoredTask | undefined> {
  const { settings, ports, partition, signal } = options;
  const { reader } = ports;
  const isOver = () => signal.aborted;
  const { checkpointTopic, partitions } = settings;
  const { checkpoint: found, end: checkpointEnd } = await readCheckpoint(reader, checkpointTopic, partition);
  const { resultEnds, removed } = await restoreResults(options, found);
  if (isOver()) return undefined;
  if (found) assertSame(found, options, removed);
  const { input, repartition, areOffsetsBehind } = found
    ? await checkInputs(found, options)
    : await firstInputs(options);
  await rebuild('input', settings.inputTopic, input, options);
  await rebuild('repartition', settings.repartitionTopic, repartition, options);
  if (isOver()) return undefined;
  const checkpoint = { ...(found ?? emptyCheckpoint(partitions)), resultEnds, input, repartition };
  return { checkpoint, checkpointEnd, areOffsetsBehind };
}

/** Reads the results of the checkpoint; says where they end, and which of them are not there any more. */
async function restoreResults(
  options: RestoreOptions,
  found: Checkpoint | undefined,
): Promise<{ readonly resultEnds: Record<string, bigint>; readonly removed: readonly string[] }> {
  const { settings, ports, partition, logic } = options;
  const { resultTopics, otherTopics, checkpointTopic } = settings;
  const orRefuse = (restore: () => void) => {
    try {
      restore();
    } catch (error) {
      throw taskRefusal(partition, describeError(error), { cause: error });
    }
  };
  if (found)
    orRefuse(() => {
      logic.resume(found.state);
    });
  const resultEnds: Record<string, bigint> = {};
  const removed: string[] = [];
  for (const topic of [...resultTopics, ...otherTopics]) {
    const { start, end } = await ports.reader.logBounds(topic, partition);
    resultEnds[topic] = end;
    if (found && otherTopics.includes(topic)) continue;
    const from = found?.resultsFrom[topic] ?? start;
    if (from < start) removed.push(`${topic} begins at offset ${start} and is needed from ${from} on`);
    await readThrough({ topic, from: from > start ? from : start, to: end }, options, (record) => {
      if (!found)
        throw taskRefusal(
          partition,
          `${topic} has records but ${checkpointTopic} has no checkpoint of them. Counting from the start would count everything twice: use the APPLICATION_ID that wrote them, or other result and dead-letter topics`,
        );
      orRefuse(() => {
        logic.restore(topic, record);
      });
    });
  }
  return { resultEnds, removed };
}

/** @throws KafkaClientError when what was restored is not what the checkpoint speaks of. */
function assertSame(
  found: Checkpoint,
  { settings: { partitions }, partition, logic }: RestoreOptions,
  removed: readonly string[],
): void {
  if (found.partitions !== partitions)
    throw taskRefusal(
      partition,
      `the topics have ${partitions} partitions and the checkpoint was made with ${found.partitions}: users would change their home. Use new topic names and replay`,
    );
  const sums = logic.sums();
  for (const [name, sum] of Object.entries(found.sums))
    if (sums[name] !== sum)
      throw taskRefusal(
        partition,
        `the restored state has ${name} = ${sums[name] ?? 'nothing'} and the checkpoint says ${sum}: ${
          removed.length > 0
            ? `${removed.join(', ')}: retention removed results of open windows or sessions, or somebody did`
            : 'the result topics were changed by somebody else'
        }`,
      );
}

/** Where a task begins that has no checkpoint. */
async function firstInputs({
  settings: { inputTopic, repartitionTopic },
  ports: { reader },
  partition,
}: RestoreOptions) {
  return {
    input: { position: (await reader.logBounds(inputTopic, partition)).start },
    repartition: { position: (await reader.logBounds(repartitionTopic, partition)).start },
    areOffsetsBehind: false,
  };
}

/** Where a task goes on: at the checkpoint's positions, or where loss is accepted. */
async function checkInputs(found: Checkpoint, { settings, ports, partition, logic }: RestoreOptions) {
  const { log, applicationId, inputTopic, repartitionTopic, acceptLoss = false } = settings;
  const groupOffsets = await ports.groupOffsets(applicationId, [inputTopic, repartitionTopic]);
  const groupOffset = (topic: string) => groupOffsets.get(topic)?.get(partition);
  const check = (state: InputState, topic: string) =>
    checkInput({
      reader: ports.reader,
      log,
      topic,
      partition,
      state,
      groupOffset: groupOffset(topic),
      acceptLoss,
    });
  const input = await check(found.input, inputTopic);
  const repartition = await check(found.repartition, repartitionTopic);
  if (input !== found.input || repartition !== found.repartition) logic.rebuildIsPartial();
  // A group offset that is missing, or wrong and accepted, is written with the next commit.
  const areOffsetsBehind =
    groupOffset(inputTopic) !== input.position || groupOffset(repartitionTopic) !== repartition.position;
  return { input, repartition, areOffsetsBehind };
}

/** Reads an input again below its position, for what memory needs of it. */
async function rebuild(
  input: InputName,
  topic: string,
  { position: to, rebuildFrom: from = to }: InputState,
  options: RestoreOptions,
): Promise<void> {
  if (from >= to) return;
  const { settings, ports, partition, logic } = options;
  const { start } = await ports.reader.logBounds(topic, partition);
  if (start > from) {
    settings.log.warn(
      `partition ${partition}: ${topic} begins at offset ${start} and memory is rebuilt from ${from}: retention removed records that are counted, but that windows and de-duplication need`,
    );
    logic.rebuildIsPartial({ input, below: start });
  }
  await readThrough({ topic, from: start > from ? start : from, to }, options, (record) => {
    logic.rebuild(record, forwardedFrom(input, record, settings));
  });
}

/** Reads a stretch of the task's partition of a topic. */
async function readThrough(
  range: { readonly topic: string; readonly from: bigint; readonly to: bigint },
  { settings, ports, partition, status, signal }: RestoreOptions,
  take: (record: RecordCursor) => void,
): Promise<void> {
  const { from, to } = range;
  const before = status.restored;
  status.restoreGoal = before + Number(to - from);
  for await (const batch of ports.reader.read({ ...range, partition }, signal)) {
    for (const record = batch.walk(); record.next();) take(record);
    status.restored = before + Number(batch.nextOffset - from);
    settings.reach?.('during-restore');
  }
}
