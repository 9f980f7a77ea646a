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
      TOPIC_PARTITIONS: 4,
    });
  });

  test('stands in the README as the schema has it', () => {
    const { properties = {} } = z.toJSONSchema(environmentSchema, { io: 'input', unrepresentable: 'any' });
    const expected = Object.entries(properties).map(([name, property]) => {
      const { default: value, description } = property as { default?: string; description?: string };
      return [`\`${name}\``, value === undefined ? 'none' : `\`${value}\``, description];
    });
    expect(expected.length).toBeGreaterThan(10);
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
