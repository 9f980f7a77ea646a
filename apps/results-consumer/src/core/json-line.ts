// JSON leaves these as they are, and a terminal obeys some of them: C1 controls, bidi overrides, line separators.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A value as JSON on one line that a terminal cannot be harmed by; parsing it gives the very same value. */
export function jsonLine(value: object): string {
  // Outside of strings there is nothing to escape.
  return JSON.stringify(value).replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  return character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
