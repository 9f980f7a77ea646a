import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { environmentSchema, readConfig } from '../src/config.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('the configuration', () => {
  test('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({
      KAFKA_BROKERS: ['localhost:9092'],
      CLICKSTREAM_TOPIC: 'user_clickstream',
      USER_CLICK_AGGREGATION_TOPIC: 'user_click_aggregation',
      DEAD_LETTER_TOPIC: 'user_clickstream_dead_letter',
      APPLICATION_ID: 'click_aggregator',
      RESULT_FORMAT: 'json',
      RESULT_EMIT: 'coalesced',
      HEALTH_PORT: 0,
      PAGE_CLICK_AGGREGATION_TOPIC: 'page_click_aggregation',
      USER_SESSION_AGGREGATION_TOPIC: 'user_session_aggregation',
      WINDOW_SIZE_MS: 60_000,
      GRACE_MS: 10_000,
      SESSION_GAP_MS: 1_800_000,
    });
  });

  test('tells every wrong variable at once, with what it got and what it may be', () => {
    const wrong = {
      APPLICATION_ID: 'a b',
      RESULT_EMIT: 'all',
      COMMIT_INTERVAL_MS: '-1',
      COMMIT_MAX_RECORDS: '1.5',
    };
    expect(() => readConfig(wrong)).toThrow(
      /APPLICATION_ID: must be .*"a b"[^]*RESULT_EMIT: .*"all"[^]*COMMIT_INTERVAL_MS: must be a whole number from 0 to 10000 .*"-1"[^]*COMMIT_MAX_RECORDS: .*"1.5"/,
    );
  });

  test.each([
    ['DEAD_LETTER_TOPIC', 'user_clickstream', 'CLICKSTREAM_TOPIC'],
    ['USER_CLICK_AGGREGATION_TOPIC', 'user_clickstream', 'CLICKSTREAM_TOPIC'],
    ['DEAD_LETTER_TOPIC', 'user_click_aggregation', 'USER_CLICK_AGGREGATION_TOPIC'],
    ['USER_SESSION_AGGREGATION_TOPIC', 'page_click_aggregation', 'PAGE_CLICK_AGGREGATION_TOPIC'],
    ['DEAD_LETTER_TOPIC', 'user_session_aggregation', 'USER_SESSION_AGGREGATION_TOPIC'],
    ['CLICKSTREAM_TOPIC', 'click_aggregator_repartition', 'APPLICATION_ID'],
    ['USER_CLICK_AGGREGATION_TOPIC', 'click_aggregator_checkpoint', 'APPLICATION_ID'],
  ])('refuses one topic for two purposes: %s=%s', (variable, topic, other) => {
    expect(() => readConfig({ [variable]: topic })).toThrow(
      `${variable}: must not be the topic of ${other} (received: "${topic}")`,
    );
  });

  test.each([
    ['60000', '7000', 'must divide WINDOW_SIZE_MS, which is 60000'],
    ['60000', '60001', 'must divide WINDOW_SIZE_MS, which is 60000'],
    ['60000', '120000', 'must divide WINDOW_SIZE_MS, which is 60000'],
    ['60000', '1', 'must be at least a 1000th of WINDOW_SIZE_MS, which is 60000'],
  ])('refuses windows of %s ms each %s ms, naming both variables', (size, advance, message) => {
    expect(() => readConfig({ WINDOW_SIZE_MS: size, WINDOW_ADVANCE_MS: advance })).toThrow(
      `WINDOW_ADVANCE_MS: ${message} (received: "${advance}")`,
    );
  });

  test('refuses more pages in the windows that are open at once than memory bears, naming all that makes them so many', () => {
    const environment = { WINDOW_SIZE_MS: '60000', WINDOW_ADVANCE_MS: '1000', GRACE_MS: '0' };
    expect(() => readConfig({ ...environment, MAX_PAGES_PER_WINDOW: '16666' })).not.toThrow();
    expect(() => readConfig({ ...environment, MAX_PAGES_PER_WINDOW: '16667' })).toThrow(
      'MAX_PAGES_PER_WINDOW: must be at most 16666 with the 60 windows that WINDOW_SIZE_MS, WINDOW_ADVANCE_MS and GRACE_MS keep open at once (received: "16667")',
    );
    // Those of the grace are open too.
    const withGrace = { ...environment, GRACE_MS: '39500' };
    expect(() => readConfig({ ...withGrace, MAX_PAGES_PER_WINDOW: '10000' })).not.toThrow();
    expect(() => readConfig({ ...withGrace, MAX_PAGES_PER_WINDOW: '10001' })).toThrow(
      'MAX_PAGES_PER_WINDOW: must be at most 10000 with the 100 windows',
    );
    const short = { WINDOW_SIZE_MS: '1', MAX_PAGES_PER_WINDOW: '1' };
    expect(() => readConfig({ ...short, GRACE_MS: '999999' })).not.toThrow();
    expect(() => readConfig({ ...short, GRACE_MS: '1000000' })).toThrow(
      'GRACE_MS: must be at most 999999 with a window each 1 ms',
    );
  });

  test('stands in the README as the schema has it', () => {
    const { properties = {} } = z.toJSONSchema(environmentSchema, { io: 'input', unrepresentable: 'any' });
    const expected = Object.entries(properties).map(([name, property]) => {
      const { default: value, description } = property as { default?: string; description?: string };
      return [`\`${name}\``, value === undefined ? 'none' : `\`${value}\``, description];
    });
    expect(expected.length).toBeGreaterThan(20);
    const rows = readme
      .split('\n')
      .filter((line) => /^\| `[A-Z_]+` /.test(line))
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      );
    expect(rows).toEqual(expected);
  });
});
