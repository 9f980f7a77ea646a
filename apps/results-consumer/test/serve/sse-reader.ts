import { get } from 'node:http';
import { onTestFinished } from 'vitest';

/** An event as it came. */
export interface SseEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: unknown;
}

/** A client that reads a stream of Server-Sent Events. */
export interface SseReader {
  readonly events: readonly SseEvent[];
  /** The first event that is looked for, of those that came and those that come; rejects when the stream ends before. */
  until(wanted: (event: SseEvent) => boolean): Promise<SseEvent>;
  /** Resolves when the stream is over: `cut` if its connection was lost. */
  readonly ended: Promise<'ended' | 'cut'>;
  close(): void;
}

/** Connects; resolves once the answer has begun. */
export async function readSse(url: string, headers: Record<string, string> = {}): Promise<SseReader> {
  const events: SseEvent[] = [];
  const looks = new Set<() => void>();
  let hasEnded = false;
  const changed = () => {
    for (const look of looks) look();
  };
  const { promise: ended, resolve: end } = Promise.withResolvers<'ended' | 'cut'>();
  const { promise: connected, resolve, reject } = Promise.withResolvers<undefined>();
  const request = get(url, { agent: false, headers }, (response) => {
    if (response.statusCode !== 200) {
      reject(new Error(`status ${String(response.statusCode)}`));
      return;
    }
    resolve(undefined);
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = new Map(
          block.split('\n').map((line): [string, string] => {
            const [name = '', ...rest] = line.split(': ');
            return [name, rest.join(': ')];
          }),
        );
        const event = fields.get('event');
        if (event !== undefined)
          events.push({
            id: fields.get('id'),
            event,
            data: JSON.parse(fields.get('data') ?? 'null') as unknown,
          });
      }
      changed();
    });
    const over = (how: 'ended' | 'cut') => () => {
      hasEnded = true;
      end(how);
      changed();
    };
    response.on('end', over('ended')).on('error', over('cut'));
  }).on('error', reject);
  onTestFinished(() => {
    request.destroy();
  });
  await connected;
  return {
    events,
    until: (wanted) =>
      new Promise((found, lost) => {
        const look = () => {
          const event = events.find(wanted);
          if (!event && !hasEnded) return;
          looks.delete(look);
          if (event) found(event);
          else lost(new Error(`the stream ended: ${JSON.stringify(events)}`));
        };
        looks.add(look);
        look();
      }),
    ended,
    close: () => request.destroy(),
  };
}
