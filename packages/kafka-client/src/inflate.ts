import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decompressFrameSync } from 'lz4-napi';
import { uncompressSync } from 'snappy';

/** A batch may inflate to this many bytes, so that a small hostile one cannot exhaust memory. */
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;

/** What the Java client puts before snappy blocks (the stream format of xerial's snappy-java); librdkafka puts nothing. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/**
 * Inflates the records section of a record batch; `codec` is the number in the batch's attributes. Synchronous, since
 * a fetch response is walked as a whole.
 *
 * @returns undefined for codec 0, none.
 * @throws Error for a codec that Kafka does not have, bytes that are not of that codec, and (but for LZ4) more than
 * 256 MB.
 */
export function inflate(codec: number, compressed: Buffer): Buffer | undefined {
  const limits = { maxOutputLength: MAX_INFLATED_BYTES };
  switch (codec) {
    case 0:
      return undefined;
    case 1:
      return gunzipSync(compressed, limits);
    case 2:
      return inflateSnappy(compressed);
    case 3:
      // Not bounded here, but LZ4 inflates at most 255-fold, and `max.message.bytes` bounds what is deflated.
      return decompressFrameSync(compressed);
    case 4:
      return zstdDecompressSync(compressed, limits);
    default:
      throw new Error(`unknown compression codec ${codec}`);
  }
}

function inflateSnappy(compressed: Buffer): Buffer {
  if (!compressed.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC))
    return inflateSnappyBlock(compressed);
  const blocks: Buffer[] = [];
  let inflatedBytes = 0;
  for (let at = XERIAL_HEADER_BYTES; at < compressed.length;) {
    const end = at + 4 + compressed.readUInt32BE(at);
    const block = inflateSnappyBlock(compressed.subarray(at + 4, end));
    inflatedBytes += block.length;
    if (inflatedBytes > MAX_INFLATED_BYTES) throw tooLarge();
    blocks.push(block);
    at = end;
  }
  return Buffer.concat(blocks);
}

function inflateSnappyBlock(block: Buffer): Buffer {
  // A block begins with its inflated length, an unsigned varint.
  let inflatedBytes = 0;
  for (let index = 0; index < 5; index++) {
    const byte = block[index] ?? 0;
    inflatedBytes += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) break;
  }
  if (inflatedBytes > MAX_INFLATED_BYTES) throw tooLarge();
  const inflated = uncompressSync(block, { asBuffer: true });
  return typeof inflated === 'string' ? Buffer.from(inflated) : inflated;
}

function tooLarge(): Error {
  return new Error(`more than ${MAX_INFLATED_BYTES} bytes when inflated`);
}
