import { z } from 'zod';
import { decodeResult } from './decode-result.ts';
import type { Decoded } from './decoded.ts';
import type { EncodedResult } from './encoded-result.ts';

export const closedUntilSchema = z.object({
  partition: z.int().min(0),
  closedUntil: z.int(),
  streamTime: z.int(),
  idle: z.boolean(),
});

/**
 * How far the windows of one partition are closed; it stands in the topic of the page windows. `closedUntil` is the
 * greatest window end up to which every window is closed, `streamTime` what made it so, both ms since the epoch. An
 * `idle` partition has no open window and gets no clicks, so that nobody need wait for it.
 */
export type ClosedUntil = z.infer<typeof closedUntilSchema>;

const PREFIX = Buffer.from('closedUntil/');

/** Whether a record of the page windows' topic is a {@link ClosedUntil}. */
export function isClosedUntilKey(key: Buffer | null): boolean {
  return key?.subarray(0, PREFIX.length).equals(PREFIX) ?? false;
}

/** Encodes it; the fields are numbers and a boolean, so nothing has to be checked. */
export function encodeClosedUntil(result: ClosedUntil): EncodedResult {
  const { partition, closedUntil, streamTime, idle } = result;
  return { key: keyOf(result), value: JSON.stringify({ partition, closedUntil, streamTime, idle }) };
}

/** Decodes what {@link encodeClosedUntil} wrote. Never throws. */
export function decodeClosedUntil(key: Buffer | null, value: Buffer | null): Decoded<ClosedUntil> {
  return decodeResult(key, value, closedUntilSchema, keyOf);
}

function keyOf({ partition }: ClosedUntil): string {
  return `${PREFIX.toString('latin1')}${partition}`;
}
