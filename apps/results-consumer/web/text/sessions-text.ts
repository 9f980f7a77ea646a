import type { Overview } from '../../src/core/views/click-views.ts';
import { countOf } from './count-text.ts';
import { durationText } from './duration-text.ts';

/** How many sessions are open, and what ends one: without that, more sessions than active users look wrong. */
export function sessionsText({
  openSessions,
  sessionGapMs,
}: Pick<Overview, 'openSessions' | 'sessionGapMs'>): string {
  const sessions = countOf(openSessions, 'open session');
  return sessionGapMs === null ? sessions : `${sessions}; over after ${durationText(sessionGapMs)} idle`;
}
