import { styleText } from 'node:util';
import type { AppOutput } from '@clickstream/kafka-client';
import type { LineStyle } from '../core/line-style.ts';

const plain = (text: string) => text;
const PLAIN: LineStyle = { strong: plain, subject: plain, warning: plain, faint: plain };

/** Sets text off if the stream is a terminal and `NO_COLOR` does not forbid it, as Node judges it. */
export function createTerminalStyle(stream: AppOutput): LineStyle {
  // Asked once: Node looks at the stream and the environment at each call.
  if (styleText('bold', 'x', { stream }) === 'x') return PLAIN;
  const styled = (format: 'bold' | 'cyan' | 'yellow' | 'dim') => (text: string) =>
    styleText(format, text, { validateStream: false });
  return { strong: styled('bold'), subject: styled('cyan'), warning: styled('yellow'), faint: styled('dim') };
}
