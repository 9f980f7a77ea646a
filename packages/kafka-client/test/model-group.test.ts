import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { createTestTopic } from './patch/create-test-topic.ts';
import { rawBroker } from './raw-broker.ts';

const brokers = inject('kafkaBrokers');

/** What the simulation takes for granted of a group's coordinator, see testing/model-group.ts. */
describe("a group's coordinator", () => {
  const groupProtocols = [{ name: 'any', metadata: Buffer.alloc(6) }];

  test('tells a member of a rebalance by its heartbeat, and one of an older generation that it is', async () => {
    const topic = await createTestTopic(brokers, 'model');
    const broker = await rawBroker(brokers, topic);
    const other = await rawBroker(brokers, topic);
    const groupId = randomUUID();
    const joining = { groupId, sessionTimeout: 10_000, rebalanceTimeout: 10_000, groupProtocols };
    const first = await broker.joinGroup(joining);
    const { memberId, generationId } = first;
    await broker.syncGroup({
      groupId,
      memberId,
      generationId,
      groupAssignment: [{ memberId, memberAssignment: Buffer.alloc(0) }],
    });
    const beat = (groupGenerationId: number) => broker.heartbeat({ groupId, memberId, groupGenerationId });
    await beat(generationId);
    await expect(beat(generationId - 1)).rejects.toMatchObject({ type: 'ILLEGAL_GENERATION' });

    const joined = other.joinGroup(joining);
    await expect
      .poll(() => beat(generationId).catch((error: unknown) => (error as { type?: string }).type))
      .toBe('REBALANCE_IN_PROGRESS');
    const again = await broker.joinGroup({ ...joining, memberId });
    expect(again.generationId).toBe(generationId + 1);
    expect((await joined).generationId).toBe(generationId + 1);
  });

  test('forgets a member that was silent for the session time-out', { timeout: 240_000 }, async () => {
    const topic = await createTestTopic(brokers, 'model');
    const broker = await rawBroker(brokers, topic);
    const other = await rawBroker(brokers, topic);
    const groupId = randomUUID();
    // The least that a broker allows.
    const joining = { groupId, sessionTimeout: 6_000, rebalanceTimeout: 30_000, groupProtocols };
    const { memberId, generationId } = await broker.joinGroup(joining);
    await broker.syncGroup({
      groupId,
      memberId,
      generationId,
      groupAssignment: [{ memberId, memberAssignment: Buffer.alloc(0) }],
    });
    // The group waits for the silent member until its session is over, long before the rebalance time-out.
    const startedAt = performance.now();
    await other.joinGroup(joining);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await expect(
      broker.heartbeat({ groupId, memberId, groupGenerationId: generationId }),
    ).rejects.toMatchObject({ type: 'UNKNOWN_MEMBER_ID' });
  });

  /** A group with two members that stand still; `owned` is what a member says of itself. */
  const twoMembers = async () => {
    const topic = await createTestTopic(brokers, 'model');
    const [broker, other] = [await rawBroker(brokers, topic), await rawBroker(brokers, topic)];
    const groupId = randomUUID();
    const joinAs = (from: typeof broker, memberId: string | undefined, owned = 0) =>
      from.joinGroup({
        groupId,
        sessionTimeout: 10_000,
        rebalanceTimeout: 10_000,
        groupProtocols: [{ name: 'any', metadata: Buffer.from([owned]) }],
        ...(memberId !== undefined && { memberId }),
      });
    const sync = (from: typeof broker, memberId: string, generationId: number, ids: readonly string[]) =>
      from.syncGroup({
        groupId,
        memberId,
        generationId,
        groupAssignment: ids.map((id) => ({ memberId: id, memberAssignment: Buffer.from(id) })),
      });
    const leader = await joinAs(broker, undefined);
    await sync(broker, leader.memberId, leader.generationId, [leader.memberId]);
    const joining = joinAs(other, undefined);
    await expect
      .poll(() =>
        broker
          .heartbeat({ groupId, memberId: leader.memberId, groupGenerationId: leader.generationId })
          .catch((error: unknown) => (error as { type?: string }).type),
      )
      .toBe('REBALANCE_IN_PROGRESS');
    const again = await joinAs(broker, leader.memberId);
    const follower = await joining;
    expect(again.leaderId).toBe(leader.memberId);
    const ids = [leader.memberId, follower.memberId];
    const synced = sync(other, follower.memberId, again.generationId, []);
    await sync(broker, leader.memberId, again.generationId, ids);
    await synced;
    const beat = (from: typeof broker, memberId: string) =>
      from
        .heartbeat({ groupId, memberId, groupGenerationId: again.generationId })
        .catch((error: unknown) => (error as { type?: string }).type);
    return { broker, other, groupId, joinAs, leader, follower, generationId: again.generationId, beat };
  };

  test('does not share out again for a member that joins as before, unless it is the leader', async () => {
    const { broker, other, joinAs, leader, follower, generationId, beat } = await twoMembers();
    expect(await joinAs(other, follower.memberId)).toMatchObject({ generationId });
    expect(await beat(broker, leader.memberId)).not.toBe('REBALANCE_IN_PROGRESS');
    const joining = joinAs(broker, leader.memberId);
    await expect.poll(() => beat(other, follower.memberId)).toBe('REBALANCE_IN_PROGRESS');
    await joinAs(other, follower.memberId);
    expect(await joining).toMatchObject({ generationId: generationId + 1 });
  });

  test('shares out again for a member that joins with something else to say', async () => {
    const { broker, other, joinAs, leader, follower, generationId, beat } = await twoMembers();
    const joining = joinAs(other, follower.memberId, 1);
    await expect.poll(() => beat(broker, leader.memberId)).toBe('REBALANCE_IN_PROGRESS');
    await joinAs(broker, leader.memberId);
    expect(await joining).toMatchObject({ generationId: generationId + 1 });
  });

  test('shares out again at once when a member leaves, and does not know it any more', async () => {
    const { broker, other, groupId, joinAs, leader, follower, generationId, beat } = await twoMembers();
    await other.leaveGroup({ groupId, memberId: follower.memberId });
    expect(await beat(other, follower.memberId)).toBe('UNKNOWN_MEMBER_ID');
    expect(await beat(broker, leader.memberId)).toBe('REBALANCE_IN_PROGRESS');
    expect(await joinAs(broker, leader.memberId)).toMatchObject({ generationId: generationId + 1 });
  });

  /** A member that stands still in a group of its own, and others that join it. */
  const silentMember = async (rebalanceTimeout: number) => {
    const topic = await createTestTopic(brokers, 'model');
    const groupId = randomUUID();
    const joinIn = async () => {
      const broker = await rawBroker(brokers, topic);
      const joined = await broker.joinGroup({
        groupId,
        sessionTimeout: 60_000,
        rebalanceTimeout,
        groupProtocols,
      });
      return { broker, joined };
    };
    const { broker, joined } = await joinIn();
    const { memberId, generationId } = joined;
    await broker.syncGroup({ groupId, memberId, generationId, groupAssignment: [] });
    const beat = () =>
      broker
        .heartbeat({ groupId, memberId, groupGenerationId: generationId })
        .catch((error: unknown) => (error as { type?: string }).type);
    return { joinIn, beat, generationId, leave: () => broker.leaveGroup({ groupId, memberId }) };
  };

  test('waits for a silent member for the rebalance time-out, whoever joins meanwhile', async () => {
    const timeoutMs = 6_000;
    const { joinIn, beat, generationId } = await silentMember(timeoutMs);
    const second = joinIn();
    await expect.poll(beat).toBe('REBALANCE_IN_PROGRESS');
    const startedAt = performance.now();
    await delay(timeoutMs - 1_000);
    const third = joinIn();
    expect((await second).joined.generationId).toBe(generationId + 1);
    const tookMs = performance.now() - startedAt;
    // The heartbeat that told of it was a little later than the join.
    expect(tookMs).toBeGreaterThan(timeoutMs - 1_000);
    expect(tookMs).toBeLessThan(2 * timeoutMs - 1_500);
    expect((await third).joined.generationId).toBe(generationId + 1);
  });

  test('waits no longer for a member that leaves', async () => {
    const { joinIn, beat, generationId, leave } = await silentMember(50_000);
    const second = joinIn();
    await expect.poll(beat).toBe('REBALANCE_IN_PROGRESS');
    const leftAt = performance.now();
    await leave();
    expect((await second).joined.generationId).toBe(generationId + 1);
    expect(performance.now() - leftAt).toBeLessThan(20_000);
  });

  test('goes on without a member that does not come in time, but with one that is static', async () => {
    const topic = await createTestTopic(brokers, 'model');
    const joinIn = async (groupId: string, rebalanceTimeout: number, groupInstanceId?: string) => {
      const broker = await rawBroker(brokers, topic);
      return broker.joinGroup({
        groupId,
        sessionTimeout: 30_000,
        rebalanceTimeout,
        groupProtocols,
        ...(groupInstanceId !== undefined && { groupInstanceId }),
      });
    };
    const membersOf = async (groupInstanceId?: string) => {
      const groupId = randomUUID();
      const silent = await joinIn(groupId, 1_000, groupInstanceId);
      const broker = await rawBroker(brokers, topic);
      const { memberId, generationId } = silent;
      await broker.syncGroup({ groupId, memberId, generationId, groupAssignment: [] });
      // Whoever leads is told of all members.
      const joined = await joinIn(groupId, 1_000);
      expect(joined.generationId).toBe(generationId + 1);
      return {
        silent: memberId,
        isThere: await broker
          .heartbeat({
            groupId,
            memberId,
            groupGenerationId: joined.generationId,
            ...(groupInstanceId !== undefined && { groupInstanceId }),
          })
          .then(
            () => true,
            (error: unknown) => (error as { type?: string }).type,
          ),
      };
    };
    expect((await membersOf()).isThere).toBe('UNKNOWN_MEMBER_ID');
    expect((await membersOf('a static one')).isThere).toBe(true);
  });
});
