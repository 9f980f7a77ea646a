/** A static member, so that the group gives its partitions back to it at once. */
export const SAME_SEAT = { INSTANCE_ID: 'one' };
