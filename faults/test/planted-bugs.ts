/** A bug that engines like this one have had: `from` has to stand in the file of the engine exactly once. */
export interface PlantedBug {
  readonly name: string;
  readonly file: 'restore-task.ts' | 'stream-task.ts';
  readonly from: string;
  readonly to: string;
}

export const PLANTED_BUGS = [
  {
    name: 'a transaction in the middle of a batch commits the position after the batch',
    file: 'stream-task.ts',
    from: 'advance(record.offset + 1n);',
    to: 'advance(batch.nextOffset);',
  },
  {
    name: 'ids are not remembered over a restart',
    file: 'restore-task.ts',
    from: 'if (from >= to) return;',
    to: 'if (from <= to) return;',
  },
  {
    name: 'the checkpoint is committed before the results that it covers',
    file: 'stream-task.ts',
    from: 'const firstOffsets = await producer.send([...records, checkpointRecord], ',
    to: `await producer.send([checkpointRecord]);
      await producer.commit();
      await producer.begin();
      const firstOffsets = await producer.send(records, `,
  },
] as const satisfies readonly PlantedBug[];
