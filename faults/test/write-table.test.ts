import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { appendLine, writePart } from '../src/write-table.ts';

function documentOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'clickstream-document-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'document.md');
  writeFileSync(file, text);
  return file;
}

test('a part of a document is replaced, and nothing else', () => {
  const file = documentOf(
    'one\n<!-- a:begin -->\nold\n<!-- a:end -->\ntwo\n<!-- b:begin --><!-- b:end -->\n',
  );
  writePart(file, 'a', 'new');
  expect(readFileSync(file, 'utf8')).toBe(
    'one\n<!-- a:begin -->\n\nnew\n\n<!-- a:end -->\ntwo\n<!-- b:begin --><!-- b:end -->\n',
  );
  expect(() => {
    writePart(file, 'c', 'new');
  }).toThrow('has no <!-- c:begin -->');
});

test('a list keeps its last three lines', () => {
  const file = documentOf('<!-- a:begin --><!-- a:end -->');
  for (const line of ['1', '2', '3', '4']) appendLine(file, 'a', line);
  expect(readFileSync(file, 'utf8')).toBe('<!-- a:begin -->\n\n- 2\n- 3\n- 4\n\n<!-- a:end -->');
});
