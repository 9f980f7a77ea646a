import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { KAFKA_CLIENT_ERROR_CODES } from '../src/error.ts';
import { healthEnvironment, kafkaEnvironment, logEnvironment } from '../src/index.ts';

const README = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
/** Inside the package, so that the examples find it by its name. */
const FOLDER = join(import.meta.dirname, '..', 'test-results', 'readme');

/** Runs an example with the broker of the tests, a topic and a group of its own. */
function runExample(language: 'ts' | 'js', run: string) {
  const code = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms')
    .exec(README)![1]!
    .replaceAll('localhost:9092', inject('kafkaBrokers'))
    .replaceAll('greetings', `greetings-${run}`)
    .replaceAll('listeners', `listeners-${run}`);
  const file = join(FOLDER, `example.${language}`);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(file, code);
  return execa(process.execPath, ['--conditions=@clickstream/source', file], {
    reject: false,
    timeout: 25_000,
  });
}

/** The rows of the table whose first cell in the head is this, without that of the head. */
function tableRows(firstHead: string): string[][] {
  const rows = README.split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const start = rows.findIndex(([cell]) => cell === firstHead) + 2;
  const end = rows.findIndex(([cell], index) => index > start && !cell?.startsWith('`'));
  return rows.slice(start, end < 0 ? undefined : end);
}

describe('the README', () => {
  it('has examples that print what it says', async () => {
    const run = randomUUID();
    const said = '[0] @ 0: 42 says hello';
    expect(README.split(said)).toHaveLength(3);
    expect(await runExample('ts', run)).toMatchObject({ exitCode: 0, stdout: said, stderr: '' });

    const listener = runExample('js', run);
    listener.stdout.once('data', () => listener.kill('SIGTERM'));
    expect(await listener).toMatchObject({ exitCode: 0, stdout: said, stderr: '' });
    rmSync(FOLDER, { recursive: true });
  });

  it('lists every error', () => {
    expect(tableRows('code').map(([code]) => code)).toEqual(
      KAFKA_CLIENT_ERROR_CODES.map((code) => `\`${code}\``),
    );
  });

  it('lists every variable with its default and its meaning', () => {
    const schema = z.toJSONSchema(
      z.object({ ...kafkaEnvironment, ...logEnvironment, ...healthEnvironment }),
      {
        io: 'input',
      },
    );
    const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => {
      const { default: fallback, description = '' } = property as { default?: string; description?: string };
      return [`\`${name}\``, fallback === undefined ? '' : `\`${fallback}\``, description];
    });
    expect(tableRows('variable')).toEqual(rows);
  });
});
