import type { LineStyle } from '../../src/core/line-style.ts';

/** Shows what would be set off: `<strong>` and `(faint)`. */
export const markingStyle: LineStyle = { strong: (text) => `<${text}>`, faint: (text) => `(${text})` };

/** What is printed where there is no terminal. */
export const plainStyle: LineStyle = { strong: (text) => text, faint: (text) => text };
