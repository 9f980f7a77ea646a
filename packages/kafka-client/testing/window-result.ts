/** How windows are counted in a schedule. */
export interface WindowSettings {
  /** Windows tumble: each begins where the one before ends, and one begins at 0. */
  readonly sizeMs: number;
  /** A window closes when stream time is this far behind its end. */
  readonly graceMs: number;
  /** An id is remembered while the input has no record that is later than its last one by more. */
  readonly horizonMs: number;
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
  readonly books: { readonly windowed: number; readonly late: number };
  /** Whether windows are left to be closed by the transactions that follow. */
  readonly isClosing: boolean;
  /** Offset behind the last result of a window. */
  readonly windowsEnd: string;
  /** In schedules with sessions: of the clicks, and the offset behind the last result of one. */
  readonly sessions?: { readonly sessioned: number; readonly sessionLate: number; readonly end: string };
}
