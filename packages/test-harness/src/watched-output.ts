/** What an aggregator writes to standard error, which tests wait for. */
export class WatchedOutput {
  text = '';
  #hasEnded = false;
  readonly #looks = new Set<() => void>();

  append(text: string): void {
    this.text += text;
    this.#lookAgain();
  }

  end(): void {
    this.#hasEnded = true;
    this.#lookAgain();
  }

  /** Resolves to what matched once it is there; rejects if the aggregator ends before. */
  says(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(this.text)?.[0];
        if (found === undefined && !this.#hasEnded) return;
        this.#looks.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`the aggregator ended before it said ${String(pattern)}:\n${this.text}`));
      };
      this.#looks.add(look);
      look();
    });
  }

  #lookAgain(): void {
    for (const look of this.#looks) look();
  }
}
