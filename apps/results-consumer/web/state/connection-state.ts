/** Without news for so long, the figures are old: the server says something every second. */
export const STALE_AFTER_MS = 5_000;

/** What is known of the stream at a moment; times are ms since the epoch, by the browser's clock. */
export interface StreamHealth {
  readonly isOpen: boolean;
  /** Whether the server answers, but with no stream. */
  readonly isRefused: boolean;
  /** Whether the server hears nothing from Kafka. */
  readonly isSilent: boolean;
  /** When it last did; undefined if that was before this page was opened. */
  readonly heardAtMs: number | undefined;
  /** When the last event came; undefined before the first. */
  readonly lastEventAtMs: number | undefined;
}

/** How fresh the figures are; `sinceMs` is the moment that they show. */
export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'live' }
  | { readonly kind: 'silent'; readonly sinceMs: number | undefined }
  | { readonly kind: 'reconnecting'; readonly sinceMs: number }
  | { readonly kind: 'stale'; readonly sinceMs: number };

/** Judges the stream by when it last said something. */
export function connectionState(
  { isOpen, isRefused, isSilent, heardAtMs, lastEventAtMs }: StreamHealth,
  nowMs: number,
): ConnectionState {
  if (lastEventAtMs === undefined) return { kind: isRefused ? 'refused' : 'connecting' };
  if (nowMs - lastEventAtMs >= STALE_AFTER_MS) return { kind: 'stale', sinceMs: lastEventAtMs };
  if (isOpen) return isSilent ? { kind: 'silent', sinceMs: heardAtMs } : { kind: 'live' };
  return { kind: 'reconnecting', sinceMs: lastEventAtMs };
}
