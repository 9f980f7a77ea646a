import { element, setText } from '../element.ts';
import { setTypedText, typedText } from '../typed-text.ts';
import { countText } from '../text/count-text.ts';

/** A row of a ranking. */
export interface RankedRow {
  /** Its name, which somebody typed; no two rows have the same. */
  readonly name: string;
  readonly count: number;
  /** What stands below the name: text of ours, and perhaps something that somebody typed. */
  readonly note: string;
  readonly typedNote?: string;
  /** Not one thing that could be chosen. */
  readonly isFixed?: boolean;
}

export interface RankingOptions {
  readonly label: string;
  /** What is counted, as the head of its column. */
  readonly columns: readonly [name: string, count: string];
  readonly empty: string;
  /** What stands before each name, where names alone could be taken for something else. */
  readonly kind?: string;
  /** What choosing a row does. */
  readonly onChoose: (name: string) => void;
  readonly chooseLabel: string;
}

interface Row {
  readonly item: HTMLElement;
  readonly rank: HTMLElement;
  readonly note: HTMLElement;
  readonly typed: HTMLElement;
  readonly count: HTMLElement;
  readonly bar: HTMLElement;
}

const ROWS = 10;
/** Rows change places at most so often: more the eye cannot follow. */
const MOVE_INTERVAL_MS = 1_000;
const MOVE_MS = 450;

/**
 * A list of the busiest that changes places by moving rows to where they belong. Counts are always the newest; the order
 * holds still while somebody points at a row or has the focus in it, or the wrong one would be chosen.
 */
export class Ranking {
  readonly #options: RankingOptions;
  readonly #list: HTMLElement;
  readonly #head: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #byName = new Map<string, Row>();
  #rows: readonly RankedRow[] = [];
  #movedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(place: HTMLElement, options: RankingOptions) {
    this.#options = options;
    this.#head = element(
      'p',
      'columns',
      element('span', '', options.columns[0]),
      element('span', '', options.columns[1]),
    );
    this.#head.setAttribute('aria-hidden', 'true');
    this.#list = element('ol', 'ranking');
    this.#list.setAttribute('aria-label', options.label);
    this.#empty = element('p', 'empty', options.empty);
    place.append(this.#head, this.#list, this.#empty);
    for (const type of ['mouseleave', 'focusout'])
      this.#list.addEventListener(type, () => {
        this.#order();
      });
  }

  show(rows: readonly RankedRow[]): void {
    this.#rows = rows.slice(0, ROWS);
    const isEmpty = this.#rows.length === 0;
    this.#empty.hidden = !isEmpty;
    this.#list.hidden = isEmpty;
    this.#head.hidden = isEmpty;
    this.#fill();
    this.#order();
  }

  #fill(): void {
    const most = this.#rows[0]?.count ?? 0;
    for (const { name, count, note, typedNote } of this.#rows) {
      const row = this.#byName.get(name);
      if (!row) continue;
      setText(row.count, countText(count));
      setText(row.note, note);
      setTypedText(row.typed, typedNote ?? '');
      row.bar.style.transform = `scaleX(${most === 0 ? 0 : count / most})`;
    }
    // One that is held where it no longer belongs: its count is not known any more.
    const names = new Set(this.#rows.map(({ name }) => name));
    for (const [name, row] of this.#byName) {
      if (names.has(name)) continue;
      setText(row.count, '–');
      setText(row.note, 'not among the first any more');
      setTypedText(row.typed, '');
    }
  }

  #order(): void {
    const wanted = this.#rows.map(({ name }) => name);
    const shown = [...this.#byName.keys()];
    if (wanted.length === shown.length && wanted.every((name, index) => name === shown[index])) return;
    if (shown.length >= wanted.length && this.#isHeld()) return;
    const waitMs = this.#movedAt + MOVE_INTERVAL_MS - performance.now();
    clearTimeout(this.#timer);
    // A list that grows confuses nobody.
    if (waitMs > 0 && wanted.length <= shown.length) {
      this.#timer = setTimeout(() => {
        this.#order();
      }, waitMs);
      return;
    }
    this.#movedAt = performance.now();
    this.#move(wanted);
  }

  #isHeld(): boolean {
    return (
      this.#list.contains(document.activeElement) ||
      (matchMedia('(hover: hover)').matches && this.#list.matches(':hover'))
    );
  }

  /** Puts the rows into their places and lets each come there from where it was. */
  #move(wanted: readonly string[]): void {
    const topBefore = new Map([...this.#byName].map(([name, { item }]) => [name, item.offsetTop]));
    const before = new Map(this.#byName);
    this.#byName.clear();
    const fixed = new Set(this.#rows.filter(({ isFixed }) => isFixed).map(({ name }) => name));
    for (const name of wanted)
      this.#byName.set(name, before.get(name) ?? this.#createRow(name, fixed.has(name)));
    this.#list.replaceChildren(...[...this.#byName.values()].map(({ item }) => item));
    [...this.#byName.values()].forEach(({ rank }, index) => {
      setText(rank, `${index + 1}.`);
    });
    this.#fill();
    if (matchMedia('(prefers-reduced-motion: reduce)').matches || before.size === 0) return;
    for (const [name, { item }] of this.#byName) {
      const top = topBefore.get(name);
      const fromPx = top === undefined ? undefined : top - item.offsetTop;
      if (fromPx === 0) continue;
      const from =
        fromPx === undefined
          ? { opacity: 0, transform: 'translateY(16px)' }
          : { transform: `translateY(${fromPx}px)` };
      // Who rises passes over the others.
      item.style.zIndex = fromPx !== undefined && fromPx > 0 ? '1' : '';
      item.animate([from, { transform: 'none' }], {
        duration: MOVE_MS,
        easing: 'cubic-bezier(0.2, 0, 0, 1)',
      });
    }
  }

  #createRow(name: string, isFixed: boolean): Row {
    const { onChoose, chooseLabel, kind } = this.#options;
    const rank = element('span', 'rank');
    const label = element(isFixed ? 'span' : 'button', 'name', typedText(name));
    if (kind !== undefined) label.prepend(element('span', 'kind', `${kind} `));
    if (label instanceof HTMLButtonElement) {
      label.type = 'button';
      label.append(element('span', 'hidden-text', `, ${chooseLabel}`));
      label.addEventListener('click', () => {
        onChoose(name);
      });
    }
    const note = element('span', '');
    const typed = typedText('');
    const count = element('span', 'count');
    const bar = element('span', 'bar');
    bar.setAttribute('aria-hidden', 'true');
    rank.setAttribute('aria-hidden', 'true');
    const item = element(
      'li',
      '',
      bar,
      rank,
      label,
      element('span', 'row-note', note, typed),
      element('span', 'counted', count, element('span', 'hidden-text', ' clicks')),
    );
    return { item, rank, note, typed, count, bar };
  }
}
