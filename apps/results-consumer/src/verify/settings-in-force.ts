import type { ClickState } from './checkpoint-record.ts';
import type { Task } from './take-cut.ts';

/** The settings that a checkpoint tells the range of. */
type RangedSetting = keyof ClickState['changedWithin'];

/** The least and the greatest value that was ever in force, both in ms. */
export interface SettingRange {
  readonly least: number;
  readonly greatest: number;
}

/** What is known of a setting of which nothing is. */
const ANY: SettingRange = { least: 0, greatest: Infinity };

/** What a task has ever counted with. */
export function everInForce(state: ClickState, name: RangedSetting): SettingRange {
  const now = state.settings[name];
  if (!state.changedSettings.includes(name)) return { least: now, greatest: now };
  return state.changedWithin[name] ?? ANY;
}

/** Whether an older version changed it, which did not keep what it had been. */
export function isRangeUnknown(state: ClickState, name: RangedSetting): boolean {
  return state.changedSettings.includes(name) && !state.changedWithin[name];
}

/**
 * How far ahead of its ingest time a click was for a task to reject it as `future`: certainly beyond the greatest, never
 * up to the least. In between, where the limit was changed, or at a cut before the first checkpoint of the task, when
 * others have received clicks from it all the same, only its letters tell.
 */
export function futureLimit({ state }: Task): SettingRange {
  return state ? everInForce(state, 'maxFutureMs') : ANY;
}
