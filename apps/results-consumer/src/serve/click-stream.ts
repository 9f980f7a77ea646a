import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeClickEvent } from '@clickstream/schema';
import { ClickSample } from '../core/views/click-sample.ts';
import { shownText } from '../core/views/shown-text.ts';
import { sseEvent, type SseClient, type SseClients } from './sse-clients.ts';

/** A click as the stream of raw clicks shows it. */
export interface ShownClick {
  readonly userId: string;
  /** Cut to 256 characters. */
  readonly url: string;
  /** Event time, ms since the epoch. */
  readonly timestamp: number;
  readonly partition: number;
  /** Decimal. */
  readonly offset: string;
}

/** Most clicks that a client is sent in a second: more nobody can read. */
export const SHOWN_CLICKS_PER_SECOND = 50;

const INTERVAL_MS = 250;
const SHOWN_PER_INTERVAL = Math.floor((SHOWN_CLICKS_PER_SECOND * INTERVAL_MS) / 1_000);

interface Stream {
  readonly client: SseClient;
  readonly wants: (click: { userId: string; url: string }) => boolean;
  readonly sample: ClickSample<ShownClick>;
}

/** The stream of raw clicks: those that a client wants to see, a part of them when they are too many. */
export class ClickStream {
  readonly #clients: SseClients;
  readonly #streams = new Set<Stream>();
  readonly #timer: NodeJS.Timeout;

  constructor(clients: SseClients) {
    this.#clients = clients;
    this.#timer = setInterval(() => {
      this.#flush();
    }, INTERVAL_MS).unref();
  }

  open(request: IncomingMessage, response: ServerResponse, wants: Stream['wants']): void {
    const client = this.#clients.open(request, response, () => {
      this.#streams.delete(stream);
    });
    const stream: Stream = { client, wants, sample: new ClickSample(SHOWN_PER_INTERVAL) };
    this.#streams.add(stream);
  }

  /** Takes a record of the click topic; what is no click is passed over. */
  push(record: { readonly offset: bigint; value(): Buffer | null }, partition: number): void {
    if (this.#streams.size === 0) return;
    const decoded = decodeClickEvent(record.value());
    if (decoded.status === 'malformed') return;
    const { userId, url, timestamp } = decoded.value;
    let shown: ShownClick | undefined;
    for (const { wants, sample } of this.#streams) {
      if (!wants(decoded.value)) continue;
      shown ??= { userId, url: shownText(url), timestamp, partition, offset: record.offset.toString() };
      sample.push(shown);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#streams.clear();
  }

  #flush(): void {
    for (const { client, sample } of [...this.#streams]) {
      const { kept, stride, seen } = sample.take();
      if (seen === 0) continue;
      const sampled = stride === 1 ? null : `1 of ${stride}`;
      client.send(sseEvent('clicks', JSON.stringify({ clicks: kept, sampled, seen })));
    }
  }
}
