import {
  CLICK_ORIGIN_HEADER,
  decodeClickEvent,
  formatClickOrigin,
  isClickOrigin,
  type DecodedDeadLetter,
} from '@clickstream/schema';

/** A record for the click topic. */
export interface ClickSentAgain {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Without prototype, so that a header named `__proto__` is one more name; repeated names hold a list. */
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[]>>;
}

/**
 * The click of a dead letter as it came, to be sent again: same key, value and headers, and `click-origin`, which says
 * where it stood first, also after it was sent again more than once.
 *
 * @param homeOf the partition where the producer puts a key.
 * @param partitions of the click topic.
 */
export function clickSentAgain(
  letter: DecodedDeadLetter,
  homeOf: (key: Buffer) => number,
  partitions: number,
): ClickSentAgain {
  const { key, value } = letter;
  const headers = Object.create(null) as Record<string, Buffer | string | (Buffer | string)[]>;
  let origin: Buffer | undefined;
  for (const [name, bytes] of letter.headers) {
    const earlier = headers[name];
    if (name === CLICK_ORIGIN_HEADER) origin = bytes;
    else if (earlier === undefined) headers[name] = bytes;
    else headers[name] = Array.isArray(earlier) ? [...earlier, bytes] : [earlier, bytes];
  }
  headers[CLICK_ORIGIN_HEADER] = isClickOrigin(origin) ? origin : formatClickOrigin(letter);
  return { partition: partitionOf(letter, homeOf, partitions), key, value, headers };
}

/** Where the producer would have put it; if that cannot be told, where it was. */
function partitionOf(
  { key, value, partition }: DecodedDeadLetter,
  homeOf: (key: Buffer) => number,
  partitions: number,
): number {
  if (key) return homeOf(key);
  const decoded = decodeClickEvent(value);
  return decoded.status === 'decoded'
    ? homeOf(Buffer.from(decoded.value.userId))
    : Math.abs(partition) % partitions;
}
