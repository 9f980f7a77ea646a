/** The header of a click that was sent again: where it stood first, which is its identity if it has no event id. */
export const CLICK_ORIGIN_HEADER = 'click-origin';

/** A place in a topic. */
export interface ClickOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

// No topic name has a slash in it.
const ORIGIN = /^[a-zA-Z0-9._-]{1,249}\/\d{1,10}\/\d{1,19}$/;

/** The value of {@link CLICK_ORIGIN_HEADER}: `<topic>/<partition>/<offset>`, such as `user_clickstream/2/17`. */
export function formatClickOrigin({ topic, partition, offset }: ClickOrigin): string {
  return `${topic}/${partition}/${offset}`;
}

/** Whether the value of a header is one that {@link formatClickOrigin} makes; any other counts as none. */
export function isClickOrigin(value: Buffer | undefined): value is Buffer {
  return value !== undefined && ORIGIN.test(value.toString('latin1'));
}
