/** Without news for so long, the figures are old: the server says something every second. */
export const STALE_AFTER_MS = 5_000;

/** What is known of the stream at a moment; times are ms since the epoch, by the browser's clock. */
export interface StreamHealth {
  readonly isOpen: boolean;
  /** Whether the server hears nothing from Kafka. */
  readonly isSilent: boolean;
  /** When the last event came; undefined before the first. */
  readonly lastEventAtMs: number | undefined;
}

/** How fresh the figures are; `sinceMs` is the moment that they show. */
export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'reconnecting'; readonly sinceMs: number }
  | { readonly kind: 'stale'; readonly sinceMs: number };

/** Judges the stream by when it last said something. */
export function connectionState(
  { isOpen, isSilent, lastEventAtMs }: StreamHealth,
  nowMs: number,
): ConnectionState {
  if (lastEventAtMs === undefined) return { kind: 'connecting' };
  if (nowMs - lastEventAtMs >= STALE_AFTER_MS) return { kind: 'stale', sinceMs: lastEventAtMs };
  if (isOpen) return { kind: isSilent ? 'silent' : 'live' };
  return { kind: 'reconnecting', sinceMs: lastEventAtMs };
}
