import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const TESTING = new URL('../testing/', import.meta.url);
const PACKAGE = new URL('../', import.meta.url);

/** A comment's text in one line, without its asterisks and slashes. */
function commentsOf(file: string): string[] {
  const source = readFileSync(new URL(file, TESTING), 'utf8');
  return [...source.matchAll(/\/\*\*.*?\*\/|(?:^ *\/\/.*\n)+/gms)].map(([comment]) =>
    comment.replaceAll(/^\s*(?:\/\*\*|\*\/|\*|\/\/)/gm, '').replaceAll(/\s+/g, ' '),
  );
}

function titlesOf(file: string): string[] {
  const source = readFileSync(new URL(file, PACKAGE), 'utf8');
  return [...source.matchAll(/\b(?:test|it)(?:\.\w+)?\(\s*(['"`])(.*?)\1,/gs)].map(
    ([, , title]) => title ?? '',
  );
}

/** The tests that a comment names: `test/a.test.ts "title" and "title", test/b.test.ts "title"`. */
function testsNamedIn(comment: string): { file: string; titles: string[] }[] {
  return comment.split(/(?=\btest\/[\w/-]+\.test\.ts\b)/).flatMap((part) => {
    const file = /^test\/\S+?\.test\.ts/.exec(part)?.[0];
    return file === undefined
      ? []
      : [{ file, titles: [...part.matchAll(/"(.+?)"/g)].map(([, title]) => title ?? '') }];
  });
}

const models = readdirSync(TESTING).filter((file) => /^(?:model|simulated)-.*\.ts$/.test(file));
const rules = models.flatMap((file) =>
  commentsOf(file).flatMap((comment) => testsNamedIn(comment).map((named) => ({ in: file, ...named }))),
);

describe('a rule of the model', () => {
  test.for(rules)('in $in is shown by $file $titles', ({ file, titles }) => {
    expect(titles, 'a file alone shows nothing').not.toEqual([]);
    expect(titlesOf(file)).toEqual(expect.arrayContaining(titles));
  });

  test.for(['model-log', 'model-transactions', 'model-cluster', 'model-group'])(
    'of %s is shown by a test, each that has a comment of its own',
    (file) => {
      const source = readFileSync(new URL(`${file}.ts`, TESTING), 'utf8');
      // What a broker does, in a method's comment: one that changes something there.
      const methods = [...source.matchAll(/^ {2}(\/\*\*(?:(?!\*\/).)*\*\/)\n {2}(?:get )?(#?\w+)\(/gms)];
      expect(methods.length).toBeGreaterThan(1);
      const unshown = methods.filter(([, comment = '']) => !comment.includes('Shown by'));
      expect(unshown.map(([, , name]) => name)).toEqual(NO_RULES[file] ?? []);
    },
  );
});

/** Methods with a comment that tell nothing of what a broker does. */
const NO_RULES: Readonly<Record<string, readonly string[]>> = {
  'model-log': ['newest', 'append'],
  'model-cluster': ['whenChanged'],
};
