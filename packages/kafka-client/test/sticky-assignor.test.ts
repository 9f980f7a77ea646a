import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import kafkajs, { type Cluster } from '#kafkajs';
import { shareOut, stickyAssignor, type GroupMember } from '../src/sticky-assignor.ts';

const TOPIC = 'clicks';

/** Members that say anything: partitions twice, of each other, that are none. */
const anyGroup = fc.record({
  partitions: fc.integer({ min: 1, max: 24 }),
  members: fc.uniqueArray(
    fc.record({
      memberId: fc.string({ minLength: 1, maxLength: 4 }),
      owned: fc.array(fc.oneof(fc.integer({ min: -2, max: 30 }), fc.double()), { maxLength: 30 }),
    }),
    { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 30 },
  ),
});

/** Members of which no two own the same partition, as after a round in which everybody heard the leader. */
const settledGroup = fc
  .record({
    partitions: fc.integer({ min: 1, max: 24 }),
    owners: fc.array(fc.option(fc.nat({ max: 7 })), { minLength: 24, maxLength: 24 }),
    size: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ partitions, owners, size }) => ({
    partitions,
    members: Array.from({ length: size }, (_, index): GroupMember => ({
      memberId: `member-${index}`,
      owned: owners.flatMap((owner, partition) =>
        owner === index && partition < partitions ? [partition] : [],
      ),
    })),
  }));

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** The least number of partitions that some member keeps, over all ways to give the larger shares to members. */
function mostKept(members: readonly GroupMember[], partitions: number): number {
  const small = Math.floor(partitions / members.length);
  const gain = members.map(({ owned }) => Math.min(owned.length, small + 1) - Math.min(owned.length, small));
  const large = partitions % members.length;
  return (
    members.reduce((kept, { owned }) => kept + Math.min(owned.length, small), 0) +
    gain
      .sort((a, b) => b - a)
      .slice(0, large)
      .reduce((sum, one) => sum + one, 0)
  );
}

describe('sharing out partitions', () => {
  it('gives each partition to one member, and nobody two more than another, whatever they say they own', () => {
    fc.assert(
      fc.property(anyGroup, ({ members, partitions }) => {
        const shares = shareOut(members, partitions);
        expect([...shares.keys()].sort()).toEqual(members.map(({ memberId }) => memberId).sort());
        expect([...shares.values()].flat().sort((a, b) => a - b)).toEqual(range(partitions));
        const sizes = [...shares.values()].map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('moves as few partitions as that takes', () => {
    fc.assert(
      fc.property(settledGroup, ({ members, partitions }) => {
        const shares = shareOut(members, partitions);
        const kept = members.reduce(
          (sum, { memberId, owned }) =>
            sum + owned.filter((partition) => shares.get(memberId)?.includes(partition)).length,
          0,
        );
        expect(kept).toBe(mostKept(members, partitions));
        // Nobody who has no more than the smaller share gives up anything.
        const small = Math.floor(partitions / members.length);
        for (const { memberId, owned } of members)
          if (owned.length <= small) expect(shares.get(memberId)).toEqual(expect.arrayContaining([...owned]));
      }),
    );
  });

  it('comes to the same in whatever order members and partitions are told', () => {
    const shuffled = anyGroup.chain(({ members, partitions }) =>
      fc.record({
        partitions: fc.constant(partitions),
        members: fc.constant(members),
        others: fc
          .tuple(
            ...members.map(({ memberId, owned }) =>
              fc
                .shuffledSubarray(owned, { minLength: owned.length })
                .map((shuffledOwned) => ({ memberId, owned: shuffledOwned })),
            ),
          )
          .chain((all) => fc.shuffledSubarray(all, { minLength: all.length })),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ members, others, partitions }) => {
        const inOrder = (shares: Map<string, number[]>) => [...shares].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(inOrder(shareOut(others, partitions))).toEqual(inOrder(shareOut(members, partitions)));
      }),
    );
  });

  it('changes nothing when asked again', () => {
    fc.assert(
      fc.property(anyGroup, ({ members, partitions }) => {
        const shares = shareOut(members, partitions);
        const settled = [...shares].map(([memberId, owned]) => ({ memberId, owned }));
        expect(shareOut(settled, partitions)).toEqual(shares);
      }),
    );
  });

  it.each<[what: string, partitions: number, members: Record<string, number[]>, Record<string, number[]>]>([
    ['a second member comes', 4, { a: [0, 1, 2, 3], b: [] }, { a: [0, 1], b: [2, 3] }],
    ['a member has gone', 4, { a: [0, 1], b: [2] }, { a: [0, 1], b: [2, 3] }],
    ['there are more members than partitions', 2, { a: [], b: [1], c: [], d: [0] }, { b: [1], d: [0] }],
    ['one says the same again and again', 3, { a: [0, 0, 0, 0], b: [1, 2] }, { a: [0], b: [1, 2] }],
    ['one says what there is not', 3, { a: [-1, 7, 8, 0.5], b: [1, 2] }, { a: [0], b: [1, 2] }],
    ['two say the same', 2, { a: [1], b: [1] }, { a: [1], b: [0] }],
  ])('when %s', (_, partitions, owned, expected) => {
    const members = Object.entries(owned).map(([memberId, of]) => ({ memberId, owned: of }));
    const shares = [...shareOut(members, partitions)].filter(([, { length }]) => length > 0);
    expect(Object.fromEntries(shares)).toEqual(expected);
  });
});

/** What members with this user data, by id, get from a leader of this version: the version, and their partitions. */
async function leaderSharesOut(
  partitions: number,
  userData: Readonly<Record<string, string>>,
): Promise<{ versions: unknown[]; shares: Record<string, number[] | undefined> }> {
  // Of what a group's leader has, only the metadata of its topic is looked at.
  const cluster = { findTopicPartitionMetadata: () => range(partitions) } as unknown as Cluster;
  const leader = assignerOf(stickyAssignor(TOPIC), cluster);
  const answer = await leader.assign({
    topics: [TOPIC],
    members: Object.entries(userData).map(([memberId, text]) => ({
      memberId,
      memberMetadata: kafkajs.AssignerProtocol.MemberMetadata.encode({
        version: 0,
        topics: [TOPIC],
        userData: Buffer.from(text),
      }),
    })),
  });
  const decoded = answer.map(({ memberId, memberAssignment }) => {
    const { assignment, userData: told } =
      kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)!;
    return { memberId, share: assignment[TOPIC], told: JSON.parse(told.toString('utf8')) as unknown };
  });
  return {
    versions: decoded.map(({ told }) => told),
    shares: Object.fromEntries(decoded.map(({ memberId, share }) => [memberId, share])),
  };
}

function assignerOf({ create }: ReturnType<typeof stickyAssignor>, cluster: Cluster) {
  return create({ cluster, groupId: 'group' } as Parameters<typeof create>[0]);
}

describe('the sticky assignor', () => {
  it('tells its version and what we own, in a form that a leader reads', async () => {
    const assignor = stickyAssignor(TOPIC);
    assignor.owned = [2, 3];
    const { metadata } = assignerOf(assignor, {} as Cluster).protocol({ topics: [TOPIC] });
    const { version, topics, userData } = kafkajs.AssignerProtocol.MemberMetadata.decode(metadata)!;
    // Version 1 of Kafka's own would have to be followed by the owned partitions in Kafka's form.
    expect({ version, topics }).toEqual({ version: 0, topics: [TOPIC] });
    const told = userData.toString('utf8');
    expect(JSON.parse(told)).toEqual({ version: 1, owned: [2, 3] });
    expect(await leaderSharesOut(4, { a: '{"version":1,"owned":[]}', b: told })).toEqual({
      versions: [{ version: 1 }, { version: 1 }],
      shares: { a: [0, 1], b: [2, 3] },
    });
  });

  it('serves members of a later version at its own, whether or not there is one of its own', async () => {
    const later = '{"version":7,"owned":[2,3],"news":true}';
    for (const others of [{ a: '{"version":9,"owned":[0]}' }, { a: '{"version":1,"owned":[0]}' }]) {
      const { versions, shares } = await leaderSharesOut(4, { ...others, later });
      expect(versions).toEqual([{ version: 1 }, { version: 1 }]);
      expect(shares).toEqual({ a: [0, 1], later: [2, 3] });
    }
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"version":'],
    ['no object', '[1]'],
    ['no version', '{"owned":[0,1]}'],
    ['a version that never was', '{"version":0,"owned":[0,1]}'],
    ['a version that is none', '{"version":"1","owned":[0,1]}'],
    ['no partitions', '{"version":1,"owned":"0,1"}'],
  ])(
    'takes a member whose user data holds %s for one of version 1 that owns nothing',
    async (_, userData) => {
      expect(await leaderSharesOut(4, { a: userData, b: '{"version":1,"owned":[0,1]}' })).toEqual({
        versions: [{ version: 1 }, { version: 1 }],
        shares: { a: [2, 3], b: [0, 1] },
      });
    },
  );

  it('does not share out a topic that it has no metadata of', () => {
    const leader = assignerOf(stickyAssignor(TOPIC), {
      findTopicPartitionMetadata: () => [],
    } as unknown as Cluster);
    expect(() => leader.assign({ topics: [TOPIC], members: [] })).toThrow('no metadata of topic clicks');
  });
});
