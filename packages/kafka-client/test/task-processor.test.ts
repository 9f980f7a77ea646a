import pino from 'pino';
import { expect, test } from 'vitest';
import { runInstance } from '../src/task-processor.ts';
import type { TaskPorts } from '../src/task-ports.ts';
import { logicOfNothing } from './logic-of-nothing.ts';

/** Inputs and logs of nothing, where taking over the partitions of `stuck` never ends, and a group that gives what it is told to. */
async function startInstance(stuck: readonly number[]) {
  const never = new Promise<never>(() => undefined);
  const none = () => Promise.resolve();
  let assign: (partitions: readonly number[]) => void = () => undefined;
  const ports: TaskPorts = {
    reader: {
      logBounds: () => Promise.resolve({ start: 0n, end: 0n }),
      read: async function* (_, signal) {
        await new Promise((resolve) => signal?.addEventListener('abort', resolve));
        yield* [];
      },
      silenceMs: () => 0,
      close: none,
    },
    clock: { now: () => 0, wallClockMs: () => 0, delay: () => never },
    fence: (id) =>
      stuck.includes(Number(id.split('-').at(-1)))
        ? never
        : Promise.resolve({
            begin: none,
            send: () => Promise.resolve(new Map<string, bigint>()),
            sendOffsets: none,
            commit: none,
            abortLeftOvers: none,
            assertOwner: none,
            drop: none,
          }),
    joinGroup: ({ onAssigned }) => {
      assign = onAssigned;
      return Promise.resolve({ failed: never, commit: none, leave: none });
    },
    groupOffsets: () => Promise.resolve(new Map()),
    reach: none,
    deleteRecords: none,
  };
  const running: (readonly number[])[] = [];
  const instance = await runInstance(
    {
      log: pino({ level: 'silent' }),
      applicationId: 'app',
      inputTopic: 'input',
      repartitionTopic: 'repartition',
      checkpointTopic: 'checkpoint',
      resultTopics: [],
      otherTopics: [],
      partitions: 4,
      createLogic: () => logicOfNothing(),
      idleTimeoutMs: 1_000,
      commitIntervalMs: 0,
      commitMaxRecords: 100,
      onRunning: (partitions) => running.push(partitions),
    },
    ports,
  );
  return {
    instance,
    running,
    assign: async (...partitions: number[]) => {
      assign(partitions);
      // Nothing that a task waits for takes longer.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('an instance tells that its tasks run when the last one has come to run', async () => {
  const { running, assign } = await startInstance([]);
  await assign(1, 2);
  expect(running.at(-1)).toEqual([1, 2]);
});

test('an instance tells that its tasks run when the one that they waited for is given to somebody else', async () => {
  const { running, assign } = await startInstance([3]);
  await assign(2, 3);
  expect(running).toEqual([]);
  await assign(2);
  expect(running).toEqual([[2]]);
});

test('an instance without a task tells so', async () => {
  const { running, assign } = await startInstance([]);
  await assign();
  expect(running).toEqual([[]]);
});
