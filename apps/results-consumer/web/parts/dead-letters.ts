import type { DeadLetterReason } from '@clickstream/schema';
import type { DeadLetterView } from '../../src/core/views/dead-letters.ts';
import { byId, element, setText } from '../element.ts';
import { dayText } from '../text/clock-text.ts';
import { countOf, countText } from '../text/count-text.ts';
import { loadingText, READING, setLoaded } from '../loading.ts';
import { setTypedText, typedText } from '../typed-text.ts';
import type { Part } from './part.ts';

const MEANING: Readonly<Record<DeadLetterReason, string>> = {
  malformed: 'not readable as a click; not counted',
  'unsupported-version': 'written in a format that is not known here; not counted',
  future: 'its time lies too far ahead; not counted',
  'too-large': 'larger than a dead letter may be; not counted',
  misrouted: 'not where its user is counted; not counted',
  late: 'counted in its user’s total, too late for its page windows',
  missed: 'counted in its user’s total, too late for some of its page windows',
  'session-late': 'counted in its user’s total, too late for its session',
};

/** Of clicks that have their place in the totals. */
const COUNTED = ['late', 'missed', 'session-late'] as const satisfies readonly DeadLetterReason[];

interface Row {
  readonly item: HTMLElement;
  readonly count: HTMLElement;
  readonly example: HTMLElement;
  shown: DeadLetterView | undefined;
}

/** Dead letters by reason, each with its newest example. */
export function createDeadLetters(): Part {
  const place = byId('dead-letters', HTMLElement);
  const note = byId('letters-note', HTMLElement);
  const list = element('ul', 'letters-list');
  const empty = loadingText();
  place.append(list, empty);
  const rows = new Map<string, Row>();
  return {
    show: ({ overview, deadLetters }) => {
      const { total, byReason, complete } = overview.deadLetters;
      empty.hidden = total > 0;
      setLoaded(empty, complete ? 'None: every click could be counted in time.' : READING);
      list.hidden = total === 0;
      const late = COUNTED.reduce((sum, reason) => sum + (byReason[reason] ?? 0), 0);
      setText(
        note,
        total === 0
          ? 'clicks not counted, or too late'
          : `${complete ? '' : 'at least '}${countOf(total - late, 'click')} not counted; ${countOf(late, 'letter')} about counted ones that were late`,
      );
      const counts = Object.entries(byReason).sort((first, second) => second[1] - first[1]);
      for (const [reason, count] of counts) {
        let row = rows.get(reason);
        if (!row) rows.set(reason, (row = createRow(reason as DeadLetterReason)));
        setText(row.count, `${complete ? '' : '≥ '}${countText(count)}`);
        const example = deadLetters.find((letter) => letter.reason === reason);
        if (!example || isSame(row.shown, example)) continue;
        row.shown = example;
        showExample(row.example, example);
      }
      const items = counts.flatMap(([reason]) => rows.get(reason)?.item ?? []);
      if (items.length !== list.children.length || items.some((item, index) => item !== list.children[index]))
        list.replaceChildren(...items);
    },
  };
}

function createRow(reason: DeadLetterReason): Row {
  const count = element('span', 'count');
  const example = element('dl', 'example');
  const summary = element('summary', '', 'Newest example');
  summary.append(element('span', 'hidden-text', ` of ${reason}`));
  const item = element(
    'li',
    '',
    element('span', 'reason', reason),
    element('span', 'counted', count, element('span', 'hidden-text', ' clicks')),
    element('span', 'row-note', MEANING[reason]),
    element('details', '', summary, example),
  );
  return { item, count, example, shown: undefined };
}

function showExample(place: HTMLElement, letter: DeadLetterView): void {
  const value = element('bdi', 'typed excerpt');
  setTypedText(value, letter.value ?? '(none)');
  const entries: [string, HTMLElement][] = [
    ['Why', typedText(letter.detail)],
    ['Where', typedText(`${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`)],
    ['When', element('span', '', dayText(letter.timestamp))],
    ['Key', typedText(letter.key ?? '(none)')],
    ['Value', value],
  ];
  place.replaceChildren(
    ...entries.flatMap(([name, text]) => [element('dt', '', name), element('dd', '', text)]),
  );
}

function isSame(shown: DeadLetterView | undefined, letter: DeadLetterView): boolean {
  return (
    shown?.topic === letter.topic && shown.partition === letter.partition && shown.offset === letter.offset
  );
}
