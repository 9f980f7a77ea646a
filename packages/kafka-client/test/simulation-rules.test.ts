import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const TESTING = new URL('../testing/', import.meta.url);
const PACKAGE = new URL('../', import.meta.url);

/** A comment's text in one line, without its asterisks and slashes. */
function oneLine(comment: string): string {
  return comment.replaceAll(/^\s*(?:\/\*\*|\*\/|\*|\/\/)/gm, '').replaceAll(/\s+/g, ' ');
}

function commentsOf(file: string): string[] {
  const source = readFileSync(new URL(file, TESTING), 'utf8');
  return [...source.matchAll(/\/\*\*.*?\*\/|(?:^ *\/\/.*\n)+/gms)].map(([comment]) => oneLine(comment));
}

/** All methods and accessors of a file's classes, with their comments: '' for none. */
function methodsOf(file: string): { name: string; comment: string }[] {
  const text = readFileSync(new URL(file, TESTING), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const methods = source.statements.filter(ts.isClassDeclaration).flatMap(({ members }) =>
    members
      .filter((member) => ts.isMethodDeclaration(member) || ts.isAccessor(member))
      .map((member) => ({
        name: member.name.getText(),
        comment: oneLine(
          ts
            .getJSDocCommentsAndTags(member)
            .map((comment) => comment.getText())
            .join('\n'),
        ),
      })),
  );
  expect(methods.length, `${file} has methods`).toBeGreaterThan(1);
  return methods;
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
    'of %s is shown by a test that there is, each method that says what a broker does',
    (file) => {
      const unshown = methodsOf(`${file}.ts`).filter(
        ({ comment }) => !testsNamedIn(comment).some(({ titles }) => titles.length > 0),
      );
      expect(unshown.map(({ name }) => name)).toEqual(NO_RULES[file] ?? []);
    },
  );
});

/** Methods that tell nothing of what a broker does: they look something up, or do a part of what a rule says. */
const NO_RULES: Readonly<Record<string, readonly string[]>> = {
  'model-log': ['isOpen', 'hasOpen', 'newest', 'append', '#store'],
  'model-cluster': ['log', 'logAt', 'whenChanged'],
  'model-group': ['#enter'],
};
