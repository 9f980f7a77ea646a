import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeByTime, type TimedLine } from '../../src/io/merge-by-time.ts';

async function merge(lanes: readonly (readonly TimedLine[])[]): Promise<TimedLine[]> {
  const merged: TimedLine[] = [];
  for await (const line of mergeByTime(lanes.map((lane) => lane.values()))) merged.push(line);
  return merged;
}

function byTime(a: TimedLine, b: TimedLine): number {
  return a.timestampMs - b.timestampMs;
}

const timedLine = fc.record({ timestampMs: fc.nat(20), line: fc.string() });

test('gives all lines in order of time when each lane is in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(timedLine)), async (unordered) => {
      const lanes = unordered.map((lane) => lane.toSorted(byTime));
      expect(await merge(lanes)).toEqual(lanes.flat().toSorted(byTime));
    }),
  );
});

test('keeps the order within each lane, whatever the times', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(timedLine)), async (lanes) => {
      const merged = await merge(lanes);
      expect(merged).toHaveLength(lanes.flat().length);
      for (const lane of lanes) expect(merged.filter((line) => lane.includes(line))).toEqual(lane);
    }),
  );
});
