import type { Overview } from '../../src/core/views/click-views.ts';
import { durationText } from './duration-text.ts';

/** What is told of the clicks that wait. */
export type WaitingFigures = Pick<Overview, 'lagRecords' | 'oldestWaitingSeconds'> & {
  readonly books: Pick<Overview['books'], 'inFlight'>;
};

/** Oldest click that waits for so long: worth a colour. */
export const LAG_WARNING_SECONDS = 10;
/** So long a click waits when all is well: a transaction takes that on a busy machine. */
const KEEPING_UP_SECONDS = 2;

/** Whether what waits is good or bad. */
export function lagText({ lagRecords, oldestWaitingSeconds: seconds, books }: WaitingFigures): string {
  if (lagRecords === 0) return 'keeping up: nothing waits';
  // How long they take is not known: age is told of what waits in the click topic.
  if (lagRecords <= books.inFlight) return 'on the way between partitions';
  if (seconds === null) return 'since when is not known';
  if (seconds === 0) return 'keeping up: none waits 0.1 s';
  const text = `the oldest waits for ${durationText(seconds * 1_000)}`;
  if (seconds >= LAG_WARNING_SECONDS) return `behind: ${text}`;
  return seconds < KEEPING_UP_SECONDS ? `keeping up: ${text}` : text;
}
