import { styleText } from 'node:util';
import type { AppOutput } from '@clickstream/kafka-client';
import type { LineStyle } from '../core/line-style.ts';

const PLAIN: LineStyle = { strong: (text) => text, faint: (text) => text };

/** Sets text off if the stream is a terminal and `NO_COLOR` does not forbid it, as Node judges it. */
export function createTerminalStyle(stream: AppOutput): LineStyle {
  // Asked once: Node looks at the stream and the environment at each call.
  if (styleText('bold', 'x', { stream }) === 'x') return PLAIN;
  return {
    strong: (text) => styleText('bold', text, { validateStream: false }),
    faint: (text) => styleText('dim', text, { validateStream: false }),
  };
}
