import { printable } from '@clickstream/schema/printable';
import { element, setText } from '../element.ts';
import { holdOf, holdText, onHoldChange } from '../hold.ts';
import { loadingText, setLoaded } from '../loading.ts';
import { reconcile } from '../reconcile.ts';
import { setTypedText, typedText } from '../typed-text.ts';
import { countText } from '../text/count-text.ts';

/** A row of a ranking. */
export interface RankedRow {
  /** What tells it from the others. */
  readonly key: string;
  /** Its name, which somebody typed; cut, it may be that of another row too. */
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
  /** What stands before each name, where names alone could be taken for something else. */
  readonly kind?: string;
  /** What choosing a row does. */
  readonly onChoose: (name: string) => void;
  readonly chooseLabel: (name: string) => string;
}

interface Row {
  readonly item: HTMLElement;
  readonly rank: HTMLElement;
  readonly note: HTMLElement;
  readonly typed: HTMLElement;
  readonly count: HTMLElement;
  readonly bar: HTMLElement;
}

/** How many rows it has at most. */
export const ROWS = 10;
/** As in the style sheet. */
const ROW_PX = 54;
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
  readonly #empty = loadingText();
  readonly #held = element('span', 'held');
  readonly #byKey = new Map<string, Row>();
  #rows: readonly RankedRow[] = [];
  #mostRows = 0;
  #movedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(place: HTMLElement, options: RankingOptions) {
    this.#options = options;
    this.#head = element(
      'p',
      'columns',
      element('span', '', options.columns[0]),
      this.#held,
      element('span', '', options.columns[1]),
    );
    this.#head.setAttribute('aria-hidden', 'true');
    this.#list = element('ol', 'ranking');
    this.#list.setAttribute('aria-label', options.label);
    this.#head.hidden = true;
    this.#list.hidden = true;
    place.append(this.#head, this.#list, this.#empty);
    onHoldChange(this.#list, () => {
      this.#order();
    });
  }

  /** @param empty what stands there if there are no rows */
  show(rows: readonly RankedRow[], empty: string): void {
    this.#rows = rows.slice(0, ROWS);
    const isEmpty = this.#rows.length === 0;
    setLoaded(this.#empty, empty);
    if (this.#rows.length > this.#mostRows) {
      this.#mostRows = this.#rows.length;
      // A window that has only begun has few pages: what stands below must not jump up.
      for (const part of [this.#list, this.#empty]) part.style.minHeight = `${this.#mostRows * ROW_PX}px`;
    }
    this.#empty.hidden = !isEmpty;
    this.#list.hidden = isEmpty;
    this.#head.hidden = isEmpty;
    this.#fill();
    this.#order();
  }

  /** Takes all rows away at once: those that come next are of something else. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#rows = [];
    this.#byKey.clear();
    this.#list.replaceChildren();
    setText(this.#held, '');
    this.#movedAt = -Infinity;
  }

  #fill(): void {
    const most = this.#rows[0]?.count ?? 0;
    for (const { key, count, note, typedNote } of this.#rows) {
      const row = this.#byKey.get(key);
      if (!row) continue;
      row.item.classList.remove('gone');
      setText(row.count, countText(count));
      setText(row.note, note);
      setTypedText(row.typed, typedNote ?? '');
      row.bar.style.transform = `scaleX(${most === 0 ? 0 : count / most})`;
    }
    // One that is held where it no longer belongs: its count is not known any more. What only waits for its move goes in a moment.
    if (!holdOf(this.#list)) return;
    const keys = new Set(this.#rows.map(({ key }) => key));
    for (const [key, row] of this.#byKey) {
      if (keys.has(key)) continue;
      row.item.classList.add('gone');
      setText(row.count, '–');
      setText(row.note, 'not among the first any more');
      setTypedText(row.typed, '');
    }
  }

  #order(): void {
    const wanted = this.#rows.map(({ key }) => key);
    const shown = [...this.#byKey.keys()];
    const isInOrder = wanted.length === shown.length && wanted.every((key, index) => key === shown[index]);
    const hold = isInOrder || shown.length === 0 ? undefined : holdOf(this.#list);
    setText(this.#held, hold ? `order ${holdText(hold)}` : '');
    if (isInOrder || hold) return;
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
    this.#move();
  }

  /** Puts the rows into their places and lets each come there from where it was. */
  #move(): void {
    const topBefore = new Map([...this.#byKey].map(([key, { item }]) => [key, item.offsetTop]));
    const before = new Map(this.#byKey);
    this.#byKey.clear();
    for (const row of this.#rows) this.#byKey.set(row.key, before.get(row.key) ?? this.#createRow(row));
    reconcile(
      this.#list,
      [...this.#byKey.values()].map(({ item }) => item),
    );
    [...this.#byKey.values()].forEach(({ rank }, index) => {
      setText(rank, `${index + 1}.`);
    });
    this.#fill();
    if (matchMedia('(prefers-reduced-motion: reduce)').matches || before.size === 0) return;
    for (const [key, { item }] of this.#byKey) {
      const top = topBefore.get(key);
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

  #createRow({ name, isFixed = false }: RankedRow): Row {
    const { onChoose, chooseLabel, kind } = this.#options;
    const rank = element('span', 'rank');
    const label = element(isFixed ? 'span' : 'button', 'name', typedText(name));
    if (kind !== undefined) label.prepend(element('span', 'kind', `${kind} `));
    if (label instanceof HTMLButtonElement) {
      label.type = 'button';
      label.append(element('span', 'hidden-text', `, ${printable(chooseLabel(name))}`));
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
