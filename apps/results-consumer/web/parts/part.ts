import type { DashboardState } from '../state/dashboard-state.ts';

/** A part of the page; it shows what it is given, and changes nothing else. */
export interface Part {
  /** @param nowMs the server's time, ms since the epoch */
  show(state: DashboardState, nowMs: number): void;
}
