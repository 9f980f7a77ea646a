import { randomUUID } from 'node:crypto';
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
    const again = await broker.joinGroup({ ...joining, memberId } as typeof joining);
    expect(again.generationId).toBe(generationId + 1);
    expect((await joined).generationId).toBe(generationId + 1);
  });

  test('forgets a member that was silent for the session time-out', { timeout: 60_000 }, async () => {
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
});
