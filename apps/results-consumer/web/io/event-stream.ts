const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 10_000;

export interface EventStreamOptions {
  readonly url: string;
  /** Called with the data of each event of these names. */
  readonly on: Readonly<Record<string, (data: unknown) => void>>;
  readonly onOpen?: () => void;
  /** The connection is lost, or was refused (`isRefused`: the server answers, but with no stream); it is tried again. */
  readonly onLost?: (isRefused: boolean) => void;
  /** Without an event for so long the connection is taken for dead, ms. */
  readonly silenceLimitMs: number;
}

/** A stream of Server-Sent Events that comes back whatever happens to it, until it is closed. */
export class EventStream {
  readonly #options: EventStreamOptions;
  #source: EventSource | undefined;
  #retryMs = FIRST_RETRY_MS;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = undefined;
  }

  #open(): void {
    const { url, on, onOpen, onLost } = this.#options;
    const source = new EventSource(url);
    this.#source = source;
    source.addEventListener('open', () => {
      onOpen?.();
      this.#heard();
    });
    for (const [name, handle] of Object.entries(on))
      source.addEventListener(name, (event: MessageEvent<string>) => {
        this.#retryMs = FIRST_RETRY_MS;
        this.#heard();
        handle(JSON.parse(event.data));
      });
    source.addEventListener('alive', () => {
      this.#heard();
    });
    // Too slow: what was missed is not worth having, so it begins anew.
    source.addEventListener('resync', () => {
      onLost?.(false);
      this.#reopen();
    });
    source.addEventListener('error', () => {
      // An EventSource that was refused gives up; one that lost its connection goes on where it was.
      const isRefused = source.readyState === EventSource.CLOSED;
      onLost?.(isRefused);
      if (isRefused) this.#reopen();
    });
    this.#heard();
  }

  #reopen(): void {
    this.close();
    this.#retry = setTimeout(() => {
      this.#open();
    }, this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#options.onLost?.(false);
      this.#reopen();
    }, this.#options.silenceLimitMs);
  }
}
