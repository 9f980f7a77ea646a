import type { InputState } from './checkpoint.ts';
import type { Logger } from './logger.ts';
import type { PartitionReader } from './partition-reader.ts';
import { taskRefusal } from './task-refusal.ts';

export interface CheckInputOptions {
  readonly reader: Pick<PartitionReader, 'logBounds' | 'read'>;
  readonly log: Logger;
  readonly topic: string;
  readonly partition: number;
  /** Where the checkpoint says that this input stands. */
  readonly state: InputState;
  /** What the group has committed, if anything. */
  readonly groupOffset: bigint | undefined;
  /** Go on, and say so, where records were lost; otherwise refuse. */
  readonly acceptLoss: boolean;
}

/**
 * Makes sure that an input still is the one that a checkpoint speaks of, and holds all that was not read yet.
 *
 * @returns where to go on: the checkpoint's position, or another one if loss is accepted.
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_REFUSED`
 */
export async function checkInput(options: CheckInputOptions): Promise<InputState> {
  const { reader, log, topic, partition, state, groupOffset, acceptLoss } = options;
  const { start, end } = await reader.logBounds(topic, partition);
  const { position, lastBatch, rebuildFrom } = state;
  const refusal = (why: string) =>
    taskRefusal(
      partition,
      `${why}. Totals would miss clicks or count them twice; to go on all the same, start once with --accept-loss`,
      { topic, offset: position },
    );
  const orElse = (why: string, acceptedPosition: bigint, isSameLog: boolean): InputState => {
    if (!acceptLoss) throw refusal(why);
    log.warn(`partition ${partition}: ${why}; going on at offset ${acceptedPosition}, as --accept-loss says`);
    const accepted = { position: acceptedPosition, lossAccepted: acceptedPosition };
    if (!isSameLog || rebuildFrom === undefined) return accepted;
    const left = rebuildFrom > start ? rebuildFrom : start;
    return { ...accepted, rebuildFrom: left < acceptedPosition ? left : acceptedPosition };
  };
  // A broker forgets the offsets of a topic that is deleted: while there is one, it is the same topic.
  const isSameTopic = groupOffset !== undefined;

  if (position > end)
    return isSameTopic
      ? orElse(
          `${topic} ends at offset ${end} and was read up to ${position}: a broker has lost its tail, with clicks that are counted`,
          end,
          true,
        )
      : orElse(
          `${topic} ends at offset ${end} and was read up to ${position}: it was deleted and made anew`,
          start,
          false,
        );
  if (lastBatch && lastBatch.baseOffset >= start && !(await holdsBatch(reader, topic, partition, lastBatch)))
    return isSameTopic
      ? orElse(
          `${topic} holds other records at offset ${lastBatch.baseOffset} than were counted: a broker has lost its tail, and it has grown again`,
          position,
          true,
        )
      : orElse(
          `${topic} holds other records at offset ${lastBatch.baseOffset} than were counted: it was deleted and made anew`,
          start,
          false,
        );
  // Also of the repartition topic, which is purged up to the position and no further.
  if (position < start)
    return orElse(
      `${topic} begins at offset ${start} and was read up to ${position}: retention removed clicks that were not counted`,
      start,
      true,
    );
  if (groupOffset !== undefined && groupOffset !== state.groupOffset) {
    const why = `the group's offset of ${topic} is ${groupOffset} and the checkpoint's is ${state.groupOffset ?? 'none'}: somebody has changed it`;
    if (!acceptLoss) throw refusal(why);
    // The checkpoint decides, and nothing is lost.
    log.warn(`partition ${partition}: ${why}; going on at offset ${position}, as --accept-loss says`);
  }
  return state;
}

async function holdsBatch(
  reader: Pick<PartitionReader, 'read'>,
  topic: string,
  partition: number,
  { baseOffset, crc }: { baseOffset: bigint; crc: number },
): Promise<boolean> {
  for await (const batch of reader.read({ topic, partition, from: baseOffset, to: baseOffset + 1n })) {
    const record = batch.walk();
    if (record.next()) return record.batchBaseOffset === baseOffset && record.batchCrc === crc;
  }
  return false;
}
