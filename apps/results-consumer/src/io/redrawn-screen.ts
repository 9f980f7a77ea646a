import type { AppContext, AppOutput } from '@clickstream/kafka-client';

/** A terminal's screen that is drawn over and over, beside what was there before. */
export interface RedrawnScreen {
  /** Its size now. */
  readonly columns: number;
  readonly rows: number;
  /** Shows these lines and nothing else. Skipped while the terminal is not done with those before. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

type Terminal = AppOutput & { readonly rows?: number; readonly writableNeedDrain?: boolean };
type Keyboard = AppContext['stdin'] & { readonly isTTY?: boolean; setRawMode?: (isRaw: boolean) => void };

// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const CTRL_C = '\u0003';

/** Takes over a terminal. @param onQuit called when somebody presses q or Ctrl-C */
export function openRedrawnScreen({ stdin, stdout }: AppContext, onQuit: () => void): RedrawnScreen {
  const terminal: Terminal = stdout;
  const keyboard: Keyboard = stdin;
  const onKey = (keys: Buffer | string) => {
    if (/q/i.test(keys.toString()) || keys.toString().includes(CTRL_C)) onQuit();
  };
  if (keyboard.isTTY === true) {
    // Or a key would only be seen with the end of its line, and be shown.
    keyboard.setRawMode?.(true);
    keyboard.on('data', onKey);
  }
  terminal.write(ENTER);
  return {
    get columns() {
      return terminal.columns ?? 80;
    },
    get rows() {
      return terminal.rows ?? 24;
    },
    draw: (lines) => {
      if (terminal.writableNeedDrain === true) return;
      // Before the line: behind one that fills its row, the cursor is still on the last character.
      const cleared = lines.map((line, row) => (row === lines.length - 1 ? CLEAR_BELOW : CLEAR_LINE) + line);
      terminal.write(HOME + cleared.join('\r\n'));
    },
    close: () => {
      terminal.write(LEAVE);
      if (keyboard.isTTY !== true) return;
      keyboard.off('data', onKey);
      keyboard.setRawMode?.(false);
      keyboard.pause();
    },
  };
}
