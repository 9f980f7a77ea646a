// Cc controls and terminal escapes, Cf bidi overrides and invisible characters, Zl/Zp line breaks, Cs lone surrogates, DI what is
// nothing to see (fillers, selectors of variants); then spaces that look as U+0020 does, and the blank Braille pattern.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{DI}\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800]/u;
const EVERY_UNPRINTABLE = new RegExp(UNPRINTABLE, 'gu');

/**
 * Hostile text made safe for a terminal: control characters, terminal escapes, bidi overrides, line separators,
 * invisible characters, spaces that look as others do and lone surrogates appear as escapes (`\x1b`, `\u202e`, `\u{e0041}`);
 * everything else stays. What is not seen cannot make two texts look the same.
 */
export function printable(text: string): string {
  return UNPRINTABLE.test(text) ? text.replace(EVERY_UNPRINTABLE, escaped) : text;
}

function escaped(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`;
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}
