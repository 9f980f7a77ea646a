/** What is compared with what. */
export type Check =
  /** Each user's total with the recount. */
  | 'totals'
  /** Each total with the one before it. */
  | 'growth'
  /** The records of the result and dead-letter topics with what the checkpoints say of them. */
  | 'results'
  /** The windows of each page with the recount. */
  | 'windows'
  /** The sessions of each user with the recount. */
  | 'sessions'
  /** What is listed as too late with the stream time that made it so. */
  | 'late'
  /** The duplicates that a checkpoint tells of with the recount. */
  | 'duplicates'
  /** The sums of a checkpoint with the results. */
  | 'sums'
  /** The books of a checkpoint with the recount. */
  | 'books'
  /** The positions and marks of a checkpoint with the clicks. */
  | 'positions'
  /** The checkpoints of a task with each other. */
  | 'checkpoints'
  /** What a producer had acknowledged with the clicks and the totals. */
  | 'manifest';

/** A difference, or something that could not be compared. */
export interface Finding {
  readonly check: Check;
  /** Undefined for what is about all of them. */
  readonly partition: number | undefined;
  /** One line for a person. May hold raw text of records: make it printable. */
  readonly text: string;
  /** How many there are of the kind; the text tells the first. */
  readonly count: number;
  readonly user?: string;
  /** Of a result. */
  readonly key?: string;
  readonly offset?: number;
  readonly expected?: number;
  readonly found?: number;
}

/** Facts that go with a finding, for machines. */
export type FindingFacts = Pick<Finding, 'user' | 'key' | 'offset' | 'expected' | 'found'>;

/** Collects findings; of what may be found in any number of records it keeps the first and counts the others. */
export class Findings {
  readonly #list: Finding[] = [];
  readonly #placeOfKind = new Map<string, number>();

  get list(): readonly Finding[] {
    return this.#list;
  }

  add(check: Check, partition: number | undefined, text: string, facts: FindingFacts = {}): void {
    this.#list.push({ check, partition, text, count: 1, ...facts });
  }

  /** Adds one of possibly many of a kind in a partition. */
  addRecord(kind: string, check: Check, partition: number, text: string, facts: FindingFacts = {}): void {
    const key = `${check}/${kind}/${partition}`;
    const place = this.#placeOfKind.get(key);
    const first = place === undefined ? undefined : this.#list[place];
    if (place !== undefined && first) {
      this.#list[place] = { ...first, count: first.count + 1 };
      return;
    }
    this.#placeOfKind.set(key, this.#list.length);
    this.add(check, partition, text, facts);
  }
}
