import { once } from 'node:events';
import type { AppOutput } from '@clickstream/kafka-client';

/** Prints lines; resolves when there is room for more. */
export type PrintLines = (lines: Iterable<string>) => Promise<void>;

const CHUNK_LENGTH = 16 * 1024;

/**
 * Prints to a stream no faster than it takes it, so that a slow terminal does not fill the memory. Callers take
 * turns: what one call prints stays together. Prints nothing after `signal` aborts, and rejects if it was waiting.
 */
export function createLinePrinter(stream: AppOutput, signal: AbortSignal): PrintLines {
  const write = async (chunk: string) => {
    if (!signal.aborted && !stream.write(chunk)) await once(stream, 'drain', { signal });
  };
  const print = async (lines: Iterable<string>) => {
    let chunk = '';
    for (const line of lines) {
      chunk += `${line}\n`;
      if (chunk.length < CHUNK_LENGTH) continue;
      await write(chunk);
      chunk = '';
    }
    if (chunk !== '') await write(chunk);
  };
  let turn = Promise.resolve();
  return (lines) => {
    turn = turn.then(() => print(lines));
    return turn;
  };
}
