import { z } from 'zod';
import kafkajs, { type PartitionAssigner } from '#kafkajs';

/**
 * How members and leader understand each other: named in the user data of every member, and by the leader in that of
 * every assignment. It is the only version there is; a later one has to share out as this one does while a member that
 * names this one is in the group.
 */
const VERSION = 1;
/** Kafka's own, of the bytes around the user data: kafkajs writes the fields of version 0. */
const PROTOCOL_VERSION = 0;

/** A group member as its assignor sees it: what it said it owns, before this round. */
export interface GroupMember {
  readonly memberId: string;
  readonly owned: readonly number[];
}

/**
 * Shares out `partitions` evenly, and moves no more of them than that takes: members keep what they own up to
 * their share, and larger shares go to those who own more. What several say they own stays with one of them; what is
 * no partition is owned by nobody.
 *
 * @returns the partitions of each member, ascending; every partition is in exactly one list.
 */
export function shareOut(members: readonly GroupMember[], partitions: number): Map<string, number[]> {
  // Members by what they own, so that the larger shares cause no move; ids decide ties, in whatever order they came.
  const sorted = members
    .map(({ memberId, owned }) => ({ memberId, owned: partitionsIn(owned, partitions) }))
    .sort((a, b) => b.owned.length - a.owned.length || (a.memberId < b.memberId ? -1 : 1));
  const smallShare = Math.floor(partitions / sorted.length);
  const largeShares = partitions % sorted.length;
  const taken = new Set<number>();
  const shares = sorted.map(({ memberId, owned }, index) => {
    const share = smallShare + (index < largeShares ? 1 : 0);
    const kept: number[] = [];
    for (const partition of owned)
      if (kept.length < share && !taken.has(partition)) {
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

/** Each partition that there is once, ascending: a member may say anything. */
function partitionsIn(owned: readonly number[], partitions: number): number[] {
  return [...new Set(owned)]
    .filter((partition) => Number.isInteger(partition) && partition >= 0 && partition < partitions)
    .sort((a, b) => a - b);
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
          version: PROTOCOL_VERSION,
          topics: [topic],
          userData: Buffer.from(JSON.stringify({ version: VERSION, owned: state.owned })),
        }),
      }),
      assign: ({ members }) => {
        const partitions = cluster.findTopicPartitionMetadata(topic).length;
        if (partitions === 0) throw new Error(`no metadata of topic ${topic} to share out`);
        const told = members.map(({ memberId, memberMetadata }) => ({
          memberId,
          ...readUserData(memberMetadata),
        }));
        const userData = Buffer.from(
          JSON.stringify({ version: Math.min(VERSION, ...told.map(({ version }) => version)) }),
        );
        const shares = shareOut(told, partitions);
        return Promise.resolve(
          [...shares].map(([memberId, share]) => ({
            memberId,
            memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
              version: PROTOCOL_VERSION,
              assignment: { [topic]: share },
              userData,
            }),
          })),
        );
      },
    }),
  };
  return state;
}

const userDataSchema = z.object({ version: z.int().min(1), owned: z.array(z.number()) });

/** What a member says of itself. If this cannot be read it owns nothing, which costs moves but no correctness. */
function readUserData(memberMetadata: Buffer): z.output<typeof userDataSchema> {
  try {
    const userData = kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData;
    return userDataSchema.parse(JSON.parse(userData?.toString('utf8') ?? ''));
  } catch {
    return { version: 1, owned: [] };
  }
}
