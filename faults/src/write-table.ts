import { readFileSync, writeFileSync } from 'node:fs';

const BEGIN = '<!-- faults:begin -->';
const END = '<!-- faults:end -->';

/** Puts the table between its two markers in a document. @throws Error when they are not there */
export function writeTable(file: string, text: string): void {
  const document = readFileSync(file, 'utf8');
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${file} has no ${BEGIN} … ${END}`);
  writeFileSync(file, `${document.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${document.slice(end)}`);
}
