import { formatClickEvent, printable, type ClickEvent } from '@clickstream/schema';
import type { LineStyle } from './line-style.ts';

const BEFORE_USER = 'User '.length;

/** A click as its sentence, the user id set off. */
export function clickLine(click: ClickEvent, style: LineStyle): string {
  const sentence = formatClickEvent(click);
  const userEnd = BEFORE_USER + printable(click.userId).length;
  return (
    sentence.slice(0, BEFORE_USER) +
    style.strong(sentence.slice(BEFORE_USER, userEnd)) +
    sentence.slice(userEnd)
  );
}
