import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the fault that the documentation shows is one that compiles', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const shown = /```ts\n(import [^]*?: Fault = [^]*?)```/.exec(read('../../docs/testing.md'))?.[1];
  // It is shown where faults are.
  expect(shown?.replace("'../fault.ts'", "'../src/fault.ts'")).toBe(read('documented-fault.ts'));
});
