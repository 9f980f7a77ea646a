/** Without news for so long, the figures are old: the server says something every second. */
export const STALE_AFTER_MS = 5_000;

/** That the server has nothing new to show, although it answers, because Kafka does not. */
export interface KafkaSilence {
  /** Since when, by the browser's clock, ms since the epoch; undefined if the server does not say. */
  readonly sinceMs: number | undefined;
  /** Whether it is some partitions only. */
  readonly isPartial: boolean;
}

/** What is known of the stream at a moment; times are ms since the epoch, by the browser's clock. */
export interface StreamHealth {
  readonly isOpen: boolean;
  /** Whether the server answers, but with no stream. */
  readonly isRefused: boolean;
  /** That the server hears nothing from Kafka. */
  readonly silence: KafkaSilence | undefined;
  /** When the last event came; undefined before the first. */
  readonly lastEventAtMs: number | undefined;
}

/** How fresh the figures are; `sinceMs` is the moment that they show. */
export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'live' }
  | ({ readonly kind: 'silent' } & KafkaSilence)
  | { readonly kind: 'reconnecting'; readonly sinceMs: number }
  | { readonly kind: 'stale'; readonly sinceMs: number };

/** Judges the stream by when it last said something. */
export function connectionState(
  { isOpen, isRefused, silence, lastEventAtMs }: StreamHealth,
  nowMs: number,
): ConnectionState {
  if (lastEventAtMs === undefined) return { kind: isRefused ? 'refused' : 'connecting' };
  if (nowMs - lastEventAtMs >= STALE_AFTER_MS) return { kind: 'stale', sinceMs: lastEventAtMs };
  if (isOpen) return silence ? { kind: 'silent', ...silence } : { kind: 'live' };
  return { kind: 'reconnecting', sinceMs: lastEventAtMs };
}

/** Two answers of the server differ by the time that they took; what is said must not tick with it. */
const SAME_SILENCE_MS = 2_000;

/** What is known of the silence after another answer: the moment that was told before, unless it is another silence. */
export function nextSilence(before: KafkaSilence | undefined, told: KafkaSilence): KafkaSilence {
  const apartMs = Math.abs((before?.sinceMs ?? Infinity) - (told.sinceMs ?? Infinity));
  return before?.isPartial === told.isPartial && apartMs < SAME_SILENCE_MS ? before : told;
}
