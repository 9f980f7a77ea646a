import { randomUUID } from 'node:crypto';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { joinGroup, type GroupMembership, type GroupMembershipOptions } from '../src/group-membership.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');

/** A member that remembers what it was given. */
async function join(
  options: Pick<GroupMembershipOptions, 'groupId' | 'topic' | 'instanceId' | 'leaveOnStop'>,
) {
  const assignments: (readonly number[])[] = [];
  const waiting: (() => void)[] = [];
  const membership: GroupMembership = await joinGroup({
    ...testConnection(brokers),
    ...options,
    onAssigned: (partitions) => {
      assignments.push(partitions);
      for (const check of waiting) check();
    },
  });
  onTestFinished(() => membership.leave());
  const assigned = (isIt: (partitions: readonly number[]) => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (isIt(assignments.at(-1) ?? [-1])) resolve();
      };
      waiting.push(check);
      check();
    });
  return { membership, assignments, assigned };
}

describe('a dynamic member', () => {
  test('shares the partitions, keeps what it had, and gets all back when the other leaves', async () => {
    const group = {
      groupId: `group-${randomUUID()}`,
      topic: await createTestTopic(brokers, 'members', { partitions: 4 }),
    };
    const first = await join(group);
    await first.assigned((partitions) => partitions.length === 4);
    const second = await join(group);
    await second.assigned((partitions) => partitions.length === 2);
    await first.assigned((partitions) => partitions.length === 2);
    expect([...(first.assignments.at(-1) ?? []), ...(second.assignments.at(-1) ?? [])].sort()).toEqual([
      0, 1, 2, 3,
    ]);
    const kept = first.assignments.at(-1) ?? [];

    const leftAt = performance.now();
    await second.membership.leave();
    await first.assigned((partitions) => partitions.length === 4);
    expect(performance.now() - leftAt).toBeLessThan(5_000);
    expect(first.assignments.at(-1)).toEqual(expect.arrayContaining([...kept]));
  });
});

describe('a static member', () => {
  test('finds its partitions again after a restart, and nobody else notices', async () => {
    const group = {
      groupId: `group-${randomUUID()}`,
      topic: await createTestTopic(brokers, 'members', { partitions: 4 }),
    };
    const other = await join({ ...group, instanceId: 'other' });
    const before = await join({ ...group, instanceId: 'restarted' });
    await other.assigned((partitions) => partitions.length === 2);
    await before.assigned((partitions) => partitions.length === 2);
    const rounds = other.assignments.length;

    await before.membership.leave();
    const after = await join({ ...group, instanceId: 'restarted' });
    await after.assigned((partitions) => partitions.length === 2);

    expect(after.assignments.at(-1)).toEqual(before.assignments.at(-1));
    expect(other.assignments.length).toBe(rounds);
  });

  test('gives up its seat when told to', async () => {
    const group = {
      groupId: `group-${randomUUID()}`,
      topic: await createTestTopic(brokers, 'members', { partitions: 4 }),
    };
    const other = await join({ ...group, instanceId: 'other' });
    const leaving = await join({ ...group, instanceId: 'leaving', leaveOnStop: true });
    await other.assigned((partitions) => partitions.length === 2);

    const leftAt = performance.now();
    await leaving.membership.leave();
    await other.assigned((partitions) => partitions.length === 4);
    expect(performance.now() - leftAt).toBeLessThan(5_000);
  });

  test('ends, and says why, when another process joins with its id', async () => {
    const group = {
      groupId: `group-${randomUUID()}`,
      topic: await createTestTopic(brokers, 'members', { partitions: 4 }),
    };
    const older = await join({ ...group, instanceId: 'twice' });
    await older.assigned((partitions) => partitions.length === 4);
    const newer = await join({ ...group, instanceId: 'twice' });
    await newer.assigned((partitions) => partitions.length === 4);

    await expect(older.membership.failed).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_REPLACED',
      message: expect.stringContaining('INSTANCE_ID twice') as string,
    });
  });
});
