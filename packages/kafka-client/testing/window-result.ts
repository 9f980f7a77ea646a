/** How windows are counted in a schedule. */
export interface WindowSettings {
  readonly sizeMs: number;
  /** A window begins each time, and one at 0; it divides the size. They tumble if it is the size, and hop otherwise. */
  readonly advanceMs: number;
  /** A window closes when stream time is this far behind its end. */
  readonly graceMs: number;
  /** An id is remembered while the input has no record that is later than its last one by more. */
  readonly horizonMs: number;
}

/** Key of the record, among those of windows, that says how far windows are closed. */
export const CLOSED_UNTIL_KEY = 'closedUntil';

/** Its value: windows that end there or before have their final result above it, and nothing behind it. */
export interface ClosedUntil {
  readonly closedUntil: number;
}

/** The value of a window's record, whose key is the window's start. */
export interface WindowResult {
  readonly clicks: number;
  readonly users: number;
  /** False where clicks were gone that the users had to be rebuilt from. */
  readonly usersExact: boolean;
  readonly final: boolean;
}

/** What the simulated application says in its checkpoint beside its sums. */
export interface LogicState {
  /** Null before the first click. */
  readonly streamTime: number | null;
  /** Clicks that are in windows, of these the ones that came too late for some of theirs, and those in none. */
  readonly books: { readonly windowed: number; readonly missed: number; readonly late: number };
  /** Whether windows are left to be closed by the transactions that follow. */
  readonly isClosing: boolean;
  /** Offset behind the last result of a window. */
  readonly windowsEnd: string;
  /** In schedules with sessions: of the clicks, and the offset behind the last result of one. */
  readonly sessions?: { readonly sessioned: number; readonly sessionLate: number; readonly end: string };
}
