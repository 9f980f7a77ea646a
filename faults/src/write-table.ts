import { readFileSync, writeFileSync } from 'node:fs';

/** So many runs are remembered. */
const KEPT_LINES = 3;

/** Puts text between the two markers of a part of a document. @throws Error when they are not there */
export function writePart(file: string, name: string, text: string): void {
  const { before, after } = readPart(file, name);
  writeFileSync(file, `${before}\n\n${text}\n\n${after}`);
}

/** Adds a line to a list that is a part of a document, and drops the oldest of more than three. @throws Error when it is not there */
export function appendLine(file: string, name: string, line: string): void {
  const lines = readPart(file, name)
    .text.split('\n')
    .filter((each) => each.startsWith('- '));
  writePart(file, name, [...lines, `- ${line}`].slice(-KEPT_LINES).join('\n'));
}

function readPart(file: string, name: string): { before: string; text: string; after: string } {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const document = readFileSync(file, 'utf8');
  const [from, to] = [document.indexOf(begin) + begin.length, document.indexOf(end)];
  if (!document.includes(begin) || to < from) throw new Error(`${file} has no ${begin} … ${end}`);
  return { before: document.slice(0, from), text: document.slice(from, to), after: document.slice(to) };
}
