import { isUtf8 } from 'node:buffer';
import { z } from 'zod';

const clicks = z.int().min(1);
const jsonTotal = z.object({ userId: z.string(), clicks });
const SENTENCE = /^User (?<userId>[^]+) has clicked (?<clicks>[1-9]\d*) times\.$/;

/** The clicks in a running total of that user, in either form; undefined if it is none. */
export function clicksOfTotal(userId: string, value: Buffer): number | undefined {
  if (!isUtf8(value)) return undefined;
  const text = value.toString('utf8');
  const parts = SENTENCE.exec(text)?.groups;
  const total = jsonTotal.safeParse(
    parts ? { userId: parts['userId'], clicks: Number(parts['clicks']) } : jsonOf(text),
  ).data;
  return total?.userId === userId ? total.clicks : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
