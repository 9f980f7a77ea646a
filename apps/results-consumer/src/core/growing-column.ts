import stringWidth from 'string-width';

/** A column that is as wide as the widest text so far, within bounds, so that lines printed one by one align. */
export class GrowingColumn {
  readonly #limit: number;
  #width = 0;

  /** @param limit the widest that it gets; a wider text stands out. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The spaces that fill up a text. */
  padding(text: string): string {
    const width = stringWidth(text);
    if (width <= this.#limit) this.#width = Math.max(this.#width, width);
    return ' '.repeat(Math.max(0, this.#width - width));
  }
}
