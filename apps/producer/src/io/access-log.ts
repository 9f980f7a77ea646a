import { createHash, hash } from 'node:crypto';
import { open as openDescriptor } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { describeError } from '@clickstream/kafka-client';
import { printable } from '@clickstream/schema';
import { ProducerError } from '../producer-error.ts';

/** An access log to be replayed: a file, or a pipe. */
export interface AccessLog {
  /** For people, printable. */
  readonly name: string;
  /** Size of the content, unpacked; undefined for a pipe. */
  readonly contentBytes: number | undefined;
  /**
   * The content, unpacked if it is gzip; ends early when the signal aborts. To be called once.
   *
   * @throws ProducerError `CLICKSTREAM_PRODUCER_SOURCE_UNREADABLE`
   */
  read(signal: AbortSignal): AsyncGenerator<Buffer, void>;
  /** The event id of a line: the same for the same line of the same content. Call it for each line, in order. */
  eventIdOf(lineNumber: number, line: Uint8Array): string;
  close(): Promise<void>;
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
/** Hex digits of an event id: 64 bits tell any two logs apart. */
const HASH_LENGTH = 16;

/**
 * Opens the file at `path`, or standard input for `-`. A regular file is read once here, for its hash.
 *
 * @throws ProducerError `CLICKSTREAM_PRODUCER_SOURCE_UNREADABLE` if it is missing, a folder, or damaged gzip;
 * `CLICKSTREAM_PRODUCER_SOURCE_EMPTY` for a regular file without content, `CLICKSTREAM_PRODUCER_SOURCE_NO_LOG` for a
 * binary one.
 */
export async function openAccessLog(path: string, stdin: Readable, signal: AbortSignal): Promise<AccessLog> {
  if (path === '-') return new Pipe('standard input', stdin);
  const name = printable(path);
  let handle: FileHandle | undefined;
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) throw unreadable(name, 'it is a folder');
    if (stats.isFIFO()) return new Pipe(name, await openFifo(path));
    handle = await open(path);
    if (!stats.isFile()) return new Pipe(name, handle.createReadStream());
    const file = new RegularFile(name, handle, stats.size);
    await file.identify(signal);
    return file;
  } catch (error) {
    await handle?.close();
    throw error instanceof ProducerError ? error : unreadable(name, reasonOf(error), error);
  }
}

/** A file stream would wait for a named pipe in a thread that nothing interrupts, and hold up the end of the process. */
async function openFifo(path: string): Promise<Readable> {
  return new Socket({ fd: await promisify(openDescriptor)(path, 'r'), readable: true, writable: false });
}

/** The hash of the whole content is part of the event ids, so that two logs that begin alike stay apart. */
class RegularFile implements AccessLog {
  readonly name: string;
  contentBytes = 0;
  readonly #handle: FileHandle;
  readonly #storedBytes: number;
  #contentHash = '';

  constructor(name: string, handle: FileHandle, storedBytes: number) {
    this.name = name;
    this.#handle = handle;
    this.#storedBytes = storedBytes;
  }

  async identify(signal: AbortSignal): Promise<void> {
    const content = createHash('sha256');
    for await (const chunk of this.read(signal)) {
      // No web server writes one; whatever else a file holds, reading on would only list its bytes as bad lines.
      if (this.contentBytes === 0 && chunk.includes(0)) throw noLog(this.name, 'it is a binary file');
      content.update(chunk);
      this.contentBytes += chunk.length;
    }
    this.#contentHash = content.digest('hex').slice(0, HASH_LENGTH);
    if (this.contentBytes === 0 && !signal.aborted) throw emptySource(this.name);
  }

  read(signal: AbortSignal): AsyncGenerator<Buffer, void> {
    if (this.#storedBytes === 0) throw emptySource(this.name);
    // Never past the size that was found at first: somebody may be writing to it.
    const stream = this.#handle.createReadStream({ start: 0, end: this.#storedBytes - 1, autoClose: false });
    return readUnpacked(this.name, stream, signal);
  }

  eventIdOf(lineNumber: number): string {
    return `${this.#contentHash}-${lineNumber}`;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** A pipe is read once and may never end: the hash in an event id is that of the content up to that line. */
class Pipe implements AccessLog {
  readonly name: string;
  readonly contentBytes = undefined;
  readonly #stream: Readable;
  #hashSoFar = '';

  constructor(name: string, stream: Readable) {
    this.name = name;
    this.#stream = stream;
  }

  read(signal: AbortSignal): AsyncGenerator<Buffer, void> {
    return readUnpacked(this.name, this.#stream, signal);
  }

  eventIdOf(lineNumber: number, line: Uint8Array): string {
    this.#hashSoFar = hash('sha256', Buffer.concat([Buffer.from(this.#hashSoFar, 'hex'), line]));
    return `${this.#hashSoFar.slice(0, HASH_LENGTH)}-${lineNumber}`;
  }

  /** Nothing to do: reading a stream destroys it at its end, on an error and when the reader stops. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function* readUnpacked(
  name: string,
  stream: Readable,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  // Stopped while its first read is under way, a stream reports that when nobody iterates any more.
  stream.on('error', () => undefined);
  addAbortSignal(signal, stream);
  try {
    const chunks = buffersOf(stream);
    // A pipe may bring its first two bytes one by one.
    let head = Buffer.alloc(0);
    while (head.length < GZIP_MAGIC.length) {
      const { value, done } = await chunks.next();
      if (done === true) break;
      head = Buffer.concat([head, value]);
    }
    const whole = prepended(head, chunks);
    if (head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) yield* unpacked(whole);
    else yield* whole;
  } catch (error) {
    if (!signal.aborted) throw unreadable(name, reasonOf(error), error);
  }
}

async function* buffersOf(stream: Readable): AsyncGenerator<Buffer, void> {
  yield* stream as AsyncIterable<Buffer>;
}

async function* prepended(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  if (head.length > 0) yield head;
  yield* rest;
}

async function* unpacked(packed: AsyncGenerator<Buffer>): AsyncGenerator<Buffer, void> {
  const gunzip = createGunzip();
  // Whatever goes wrong destroys `gunzip`, whose reader below sees it.
  void pipeline(packed, gunzip).catch(() => undefined);
  yield* gunzip as AsyncIterable<Buffer>;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission',
  EISDIR: 'it is a folder',
};

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('Z_')) return `damaged gzip data (${describeError(error)})`;
  return REASONS[code] ?? describeError(error);
}

function unreadable(name: string, reason: string, cause?: unknown): ProducerError {
  return new ProducerError('CLICKSTREAM_PRODUCER_SOURCE_UNREADABLE', `cannot read ${name}: ${reason}`, cause);
}

/** For a source without any line of a log. */
export function noLog(name: string, reason: string): ProducerError {
  return new ProducerError('CLICKSTREAM_PRODUCER_SOURCE_NO_LOG', `${name} is no access log: ${reason}`);
}

/** For a source without any content. */
export function emptySource(name: string): ProducerError {
  return new ProducerError(
    'CLICKSTREAM_PRODUCER_SOURCE_EMPTY',
    `${name} is empty: there is nothing to replay`,
  );
}
