import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeClickEvent } from '@clickstream/schema';
import { pageOfUrl } from '../core/page-of-url.ts';
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

const INTERVAL_MS = 250;
/** More nobody can read. */
const SHOWN_PER_INTERVAL = 12;

interface Stream {
  readonly client: SseClient;
  readonly user: string | undefined;
  readonly page: string | undefined;
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

  /** Begins a stream of the clicks of this user on this page, each of which may be undefined for all; a page may be a url. */
  open(
    request: IncomingMessage,
    response: ServerResponse,
    { user, page }: { readonly user?: string | undefined; readonly page?: string | undefined },
  ): void {
    const client = this.#clients.open(request, response, () => {
      this.#streams.delete(stream);
    });
    const wanted = page === undefined ? undefined : pageOfUrl(page);
    const stream: Stream = { client, user, page: wanted, sample: new ClickSample(SHOWN_PER_INTERVAL) };
    this.#streams.add(stream);
  }

  /** Takes a record of the click topic; what is no click is passed over. */
  push(record: { readonly offset: bigint; value(): Buffer | null }, partition: number): void {
    if (this.#streams.size === 0) return;
    const decoded = decodeClickEvent(record.value());
    if (decoded.status === 'malformed') return;
    const { userId, url, timestamp } = decoded.value;
    // Once a click, however many ask for a page.
    const pageOfClick = pageOfUrl(url);
    let shown: ShownClick | undefined;
    for (const { user, page, sample } of this.#streams) {
      if ((user !== undefined && user !== userId) || (page !== undefined && page !== pageOfClick)) continue;
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
