import type { IncomingMessage, ServerResponse } from 'node:http';

/** A client of a stream of Server-Sent Events. */
export interface SseClient {
  /** Sends what is framed already. A client that does not take it is told to come again, and closed. */
  send(frames: string | Buffer): void;
}

export interface SseClientsOptions {
  /** Most clients at a time, those of all streams together. */
  readonly maxClients: number;
  /** How much may wait for one client, in bytes beyond what the system buffers. */
  readonly bufferLimitBytes: number;
  readonly heartbeatMs: number;
}

/** How long a client that was told to go may take to read that. */
const FAREWELL_MS = 2_000;
const RETRY_MS = 1_000;
/** An event and no comment, of which a page would not hear. */
const ALIVE = 'event: alive\ndata: {}\n\n';
const RESYNC = 'event: resync\ndata: {}\n\n';

/** One event as it goes over the wire. @param data JSON, which has no line break */
export function sseEvent(event: string, data: string, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}

/** The clients of all streams: how many there are, their heartbeat, and the end of those that do not read. */
export class SseClients {
  readonly #options: SseClientsOptions;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #responses = new Set<ServerResponse>();
  #resyncs = 0;

  constructor(options: SseClientsOptions) {
    this.#options = options;
    this.#heartbeat = setInterval(() => {
      for (const response of [...this.#responses]) this.#send(response, ALIVE);
    }, options.heartbeatMs).unref();
  }

  get size(): number {
    return this.#responses.size;
  }

  get isFull(): boolean {
    return this.#responses.size >= this.#options.maxClients;
  }

  /** Clients that were closed because they did not read. */
  get resyncs(): number {
    return this.#resyncs;
  }

  /** What waits for clients that have not read it yet, bytes. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const response of this.#responses) bytes += response.writableLength;
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
    this.#responses.add(response);
    response.once('close', () => {
      this.#responses.delete(response);
      onClose();
    });
    response.on('error', () => undefined);
    response.write(`retry: ${RETRY_MS}\n\n`);
    return {
      send: (frames) => {
        this.#send(response, frames);
      },
    };
  }

  /** Ends every stream. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const response of this.#responses) this.#end(response);
  }

  #send(response: ServerResponse, frames: string | Buffer): void {
    if (response.writableEnded || response.destroyed) return;
    response.write(frames);
    if (response.writableLength <= this.#options.bufferLimitBytes) return;
    this.#resyncs += 1;
    response.write(RESYNC);
    this.#end(response);
  }

  #end(response: ServerResponse): void {
    response.end();
    setTimeout(() => response.destroy(), FAREWELL_MS).unref();
  }
}
