import type { IncomingMessage, ServerResponse } from 'node:http';

/** A client of a stream of Server-Sent Events. */
export interface SseClient {
  /** Sends what is framed already. A client for which too much waits is told to come again when it reads, and closed. */
  send(frames: string | Buffer): void;
}

export interface SseClientsOptions {
  /** Most clients at a time, those of all streams together. */
  readonly maxClients: number;
  /** How much may wait for one client, in bytes beyond what the system took in and the event that is under way. */
  readonly bufferLimitBytes: number;
  readonly heartbeatMs: number;
}

/** How long a client that was told to go may take to read that. */
const FAREWELL_MS = 2_000;
/** How long a client for which too much waited may take to read what the system holds for it; then it is closed without a word. */
const SILENCE_MS = 30_000;
const RETRY_MS = 1_000;
/** An event and no comment, of which a page would not hear. */
const ALIVE = 'event: alive\ndata: {}\n\n';
const RESYNC = 'event: resync\ndata: {}\n\n';

/** One event as it goes over the wire. @param data JSON, which has no line break */
export function sseEvent(event: string, data: string, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}

/** A client, and what waits until it has read what the system took in for it. */
interface Stream {
  readonly response: ServerResponse;
  queue: (string | Buffer)[];
  queuedBytes: number;
  /** Whether too much waited: it is sent nothing any more, but once it reads, that it is to come again. */
  isBehind: boolean;
}

/** The clients of all streams: how many there are, their heartbeat, and the end of those that do not read. */
export class SseClients {
  readonly #options: SseClientsOptions;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #streams = new Set<Stream>();
  #resyncs = 0;

  constructor(options: SseClientsOptions) {
    this.#options = options;
    this.#heartbeat = setInterval(() => {
      for (const stream of [...this.#streams]) this.#send(stream, ALIVE);
    }, options.heartbeatMs).unref();
  }

  get size(): number {
    return this.#streams.size;
  }

  get isFull(): boolean {
    return this.#streams.size >= this.#options.maxClients;
  }

  /** Clients for which too much waited, which are told to come again. */
  get resyncs(): number {
    return this.#resyncs;
  }

  /** What waits for clients that have not read it yet, bytes. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const { response, queuedBytes } of this.#streams) bytes += response.writableLength + queuedBytes;
    return bytes;
  }

  /** Begins a stream on a response whose other headers are set. @param onClose called once, when it is over */
  open(request: IncomingMessage, response: ServerResponse, onClose: () => void): SseClient {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // nginx collects answers otherwise.
      'x-accel-buffering': 'no',
    });
    request.socket.setNoDelay(true);
    request.socket.setTimeout(0);
    const stream: Stream = { response, queue: [], queuedBytes: 0, isBehind: false };
    this.#streams.add(stream);
    response.once('close', () => {
      this.#streams.delete(stream);
      onClose();
    });
    response.on('error', () => undefined);
    response.on('drain', () => {
      this.#goOn(stream);
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    return {
      send: (frames) => {
        this.#send(stream, frames);
      },
    };
  }

  /** Ends every stream. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const { response } of this.#streams) end(response);
  }

  #send(stream: Stream, frames: string | Buffer): void {
    const { response } = stream;
    if (stream.isBehind || response.writableEnded || response.destroyed) return;
    if (!response.writableNeedDrain) {
      response.write(frames);
      return;
    }
    stream.queue.push(frames);
    stream.queuedBytes += Buffer.byteLength(frames);
    if (stream.queuedBytes <= this.#options.bufferLimitBytes) return;
    this.#resyncs += 1;
    stream.isBehind = true;
    stream.queue = [];
    stream.queuedBytes = 0;
    destroyAfter(response, SILENCE_MS);
  }

  /** The client has read what the system took in for it. */
  #goOn(stream: Stream): void {
    const { response, queue, isBehind } = stream;
    if (response.writableEnded) return;
    if (isBehind) {
      response.write(RESYNC);
      end(response);
      return;
    }
    while (queue.length > 0 && !response.writableNeedDrain) {
      const frames = queue.shift() ?? '';
      stream.queuedBytes -= Buffer.byteLength(frames);
      response.write(frames);
    }
  }
}

function end(response: ServerResponse): void {
  response.end();
  destroyAfter(response, FAREWELL_MS);
}

function destroyAfter(response: ServerResponse, ms: number): void {
  setTimeout(() => response.destroy(), ms).unref();
}
