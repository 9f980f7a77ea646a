import type { Socket } from 'node:net';

/**
 * Calls `handle` with one frame of Kafka's protocol after the other, each when it is done with the one before.
 *
 * @param failed told what `handle` throws: nobody else could be.
 */
export function onFrame(
  socket: Socket,
  handle: (frame: Buffer, arrivedAt: number) => Promise<void>,
  failed: (error: unknown) => void,
): void {
  let chunks: Buffer[] = [];
  let length = 0;
  let handled = Promise.resolve();
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    // Put together when a frame is whole, not at each chunk: a fetch response comes in hundreds.
    if (length < 4) return;
    const arrivedAt = performance.now();
    for (;;) {
      if (chunks.length > 1 && (chunks[0]?.length ?? 0) < 4) chunks = [Buffer.concat(chunks)];
      const size = length < 4 ? Infinity : 4 + (chunks[0]?.readInt32BE(0) ?? 0);
      if (length < size) return;
      const all = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
      const frame = all.subarray(0, size);
      handled = handled.then(() => handle(frame, arrivedAt)).catch(failed);
      length -= size;
      chunks = length > 0 ? [all.subarray(size)] : [];
    }
  });
}
