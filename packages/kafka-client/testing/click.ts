/** A click as the simulated application knows it. */
export interface Click {
  /** The user's number. */
  readonly user: number;
  /** Ms since the epoch. */
  readonly eventTime: number;
  /** A record that is sent twice has the same one. */
  readonly id: number;
}

const CLICK = /^click (\d+) at (\d+) #(\d+)$/;

/** The value of a click's record. */
export function encodeClick({ user, eventTime, id }: Click): string {
  return `click ${user} at ${eventTime} #${id}`;
}

/** Undefined for a record that is no click. */
export function decodeClick(value: string): Click | undefined {
  const found = CLICK.exec(value);
  return found ? { user: Number(found[1]), eventTime: Number(found[2]), id: Number(found[3]) } : undefined;
}

/** Where all clicks of a user are counted. */
export function homeOf(user: number, partitions: number): number {
  return user % partitions;
}
