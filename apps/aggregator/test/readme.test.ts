import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TopologyDriver } from './core/topology-driver.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

const FIRST = 'User 42 clicked on /page3 at 1711111111.123';
const OLDER = '{"eventId":"a-1","userId":"42","url":"/page5","timestamp":1711111110000}';

test.each([
  [
    'json',
    [
      '{"userId":"42","clicks":1,"lastClickAt":1711111111123,"lastUrl":"/page3"}',
      '{"userId":"42","clicks":2,"lastClickAt":1711111111123,"lastUrl":"/page3"}',
    ],
  ],
  ['sentence', ['User 42 has clicked 1 times.', 'User 42 has clicked 2 times.']],
] as const)('the clicks in the README lead to the totals in the README (%s)', (format, totals) => {
  const driver = new TopologyDriver({ partitions: 1, format });
  for (const value of [FIRST, OLDER]) {
    expect(readme).toContain(`\`${value}\``);
    driver.read(0, { value });
  }
  for (const total of totals) expect(readme).toContain(`\`${total}\``);
  expect(driver.totalValues(0)).toEqual(totals);
});

test('the first click in the README leads to the window and the session in the README', () => {
  const driver = new TopologyDriver({ partitions: 1, emit: 'coalesced', graceMs: 10_000 });
  driver.read(0, { value: FIRST });
  driver.commit();
  const written = driver.texts(0).filter((text) => /^(?:pages|sessions) /.test(text));
  expect(written).toHaveLength(3);
  for (const text of written) {
    const [, key = '', value = ''] = text.split(' ');
    expect(readme).toContain(`key \`${key}\`: \`${value}\``);
  }
});
