/** What must never be seen was seen. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** @throws Violation */
export function expect(what: string, found: number | undefined, expected: number | undefined): void {
  if (found !== expected)
    throw new Violation(`${what}: expected ${expected ?? 'none'}, found ${found ?? 'none'}`);
}
