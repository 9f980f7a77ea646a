import kafkajs, { type PartitionAssigner } from '#kafkajs';

/** Written into every member's user data; a group led by an older version is served at that version. */
const VERSION = 1;

/** A group member as its assignor sees it: what it said it owns, before this round. */
export interface GroupMember {
  readonly memberId: string;
  readonly owned: readonly number[];
}

/**
 * Shares out `partitions` evenly, and moves no more of them than that takes: members keep what they own up to
 * their share, larger shares go to those who own more, and what is left over goes to whoever lacks most.
 *
 * @returns the partitions of each member, ascending; every partition is in exactly one list.
 */
export function shareOut(members: readonly GroupMember[], partitions: number): Map<string, number[]> {
  // Members by what they own, so that the larger shares cause no move; ids decide ties, the same everywhere.
  const sorted = [...members].sort(
    (a, b) => b.owned.length - a.owned.length || (a.memberId < b.memberId ? -1 : 1),
  );
  const smallShare = Math.floor(partitions / sorted.length);
  const largeShares = partitions % sorted.length;
  const taken = new Set<number>();
  const shares = sorted.map(({ memberId, owned }, index) => {
    const share = smallShare + (index < largeShares ? 1 : 0);
    const kept: number[] = [];
    for (const partition of owned)
      if (kept.length < share && partition < partitions && !taken.has(partition)) {
        taken.add(partition);
        kept.push(partition);
      }
    return { memberId, share, kept };
  });
  const free = Array.from({ length: partitions }, (_, partition) => partition).filter((p) => !taken.has(p));
  return new Map(
    shares.map(({ memberId, share, kept }) => [
      memberId,
      [...kept, ...free.splice(0, share - kept.length)].sort((a, b) => a - b),
    ]),
  );
}

/** A sticky assignor for one topic, in the form kafkajs wants; `owned` is told to the group at the next join. */
export function stickyAssignor(topic: string): { owned: readonly number[]; create: PartitionAssigner } {
  const state: { owned: readonly number[]; create: PartitionAssigner } = {
    owned: [],
    create: ({ cluster }) => ({
      name: 'ClickstreamStickyAssignor',
      version: VERSION,
      protocol: () => ({
        name: 'ClickstreamStickyAssignor',
        metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({
          version: VERSION,
          topics: [topic],
          userData: Buffer.from(JSON.stringify({ version: VERSION, owned: state.owned })),
        }),
      }),
      assign: ({ members }) => {
        const partitions = cluster.findTopicPartitionMetadata(topic).length;
        if (partitions === 0) throw new Error(`no metadata of topic ${topic} to share out`);
        const shares = shareOut(
          members.map(({ memberId, memberMetadata }) => ({ memberId, owned: ownedBy(memberMetadata) })),
          partitions,
        );
        return Promise.resolve(
          [...shares].map(([memberId, share]) => ({
            memberId,
            memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
              version: VERSION,
              assignment: { [topic]: share },
              userData: Buffer.alloc(0),
            }),
          })),
        );
      },
    }),
  };
  return state;
}

/** What a member says it owns; nothing, if this cannot be read, which costs moves but no correctness. */
function ownedBy(memberMetadata: Buffer): number[] {
  try {
    const userData = kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData;
    const parsed = JSON.parse(userData?.toString('utf8') ?? '') as { owned?: unknown };
    const owned: unknown[] = Array.isArray(parsed.owned) ? parsed.owned : [];
    return owned.filter(
      (partition): partition is number => Number.isInteger(partition) && Number(partition) >= 0,
    );
  } catch {
    return [];
  }
}
