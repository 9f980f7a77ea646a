import type { LineStyle } from '../../src/core/line-style.ts';

/** Shows what would be set off: `<strong>`, `[subject]`, `!warning!` and `(faint)`. */
export const markingStyle: LineStyle = {
  strong: (text) => `<${text}>`,
  subject: (text) => `[${text}]`,
  warning: (text) => `!${text}!`,
  faint: (text) => `(${text})`,
};

/** What is printed where there is no terminal. */
const plain = (text: string) => text;
export const plainStyle: LineStyle = { strong: plain, subject: plain, warning: plain, faint: plain };
