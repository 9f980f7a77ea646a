import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLineSplitter } from '../../src/core/line-splitter.ts';

function split(chunks: readonly string[], maxLineBytes = 100) {
  const splitter = createLineSplitter(maxLineBytes);
  const lines: { text: string; isCut: boolean; sizeBytes: number }[] = [];
  const collect = (from: ReturnType<typeof splitter.push>) => {
    for (const { bytes, ...facts } of from) lines.push({ text: Buffer.from(bytes).toString(), ...facts });
  };
  for (const chunk of chunks) collect(splitter.push(Buffer.from(chunk)));
  collect(splitter.end());
  return lines;
}

test('takes line feeds with and without a carriage return, and a last line without an end', () => {
  expect(split(['a\nb\r\n\nc']).map(({ text }) => text)).toEqual(['a', 'b', '', 'c']);
});

test('has no line after the last line end, and none in nothing', () => {
  expect(split(['a\n']).map(({ text }) => text)).toEqual(['a']);
  expect(split([])).toEqual([]);
});

test('cuts a line over the limit, and only that one', () => {
  expect(split(['1234', '56', '78\nnext\n'], 5)).toEqual([
    { text: '12345', isCut: true, sizeBytes: 9 },
    { text: 'next', isCut: false, sizeBytes: 5 },
  ]);
  expect(split(['12345\n'], 5)).toEqual([{ text: '12345', isCut: false, sizeBytes: 6 }]);
});

test('gives the same lines however the stream is cut into chunks', () => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r'), maxLength: 30 });
  fc.assert(
    fc.property(fc.array(piece), fc.integer({ min: 1, max: 12 }), (chunks, maxLineBytes) => {
      const lines = split(chunks, maxLineBytes);
      expect(lines).toEqual(split([chunks.join('')], maxLineBytes));
      expect(lines.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(chunks.join('').length);
    }),
  );
});
