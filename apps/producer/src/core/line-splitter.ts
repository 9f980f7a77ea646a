/** A line without its end (`\n` or `\r\n`). */
export interface SplitLine {
  /** At most the splitter's `maxLineBytes`; valid until the next line is asked for. */
  readonly bytes: Uint8Array;
  /** Whether the line was longer, and `bytes` is only its beginning. */
  readonly isCut: boolean;
  /** Of the whole line, its end included. */
  readonly sizeBytes: number;
}

/** Cuts a stream of bytes into lines. */
export interface LineSplitter {
  /** The lines that end in this chunk. Walk them all before the next `push`. */
  push(chunk: Uint8Array): Generator<SplitLine, void>;
  /** The last line, if the stream did not end with a line end. */
  end(): Generator<SplitLine, void>;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** A splitter that needs `maxLineBytes` of memory, however long the lines are. */
export function createLineSplitter(maxLineBytes: number): LineSplitter {
  // The beginning of a line whose end has not come yet.
  const carry = new Uint8Array(maxLineBytes);
  let carriedBytes = 0;
  let sizeBytes = 0;

  function keep(piece: Uint8Array): void {
    const kept = piece.subarray(0, maxLineBytes - carriedBytes);
    carry.set(kept, carriedBytes);
    carriedBytes += kept.length;
    sizeBytes += piece.length;
  }

  function takeCarried(lineEndBytes: number): SplitLine {
    const line = {
      bytes: withoutCarriageReturn(carry.subarray(0, carriedBytes)),
      isCut: sizeBytes > carriedBytes,
      sizeBytes: sizeBytes + lineEndBytes,
    };
    carriedBytes = 0;
    sizeBytes = 0;
    return line;
  }

  return {
    *push(chunk) {
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(LINE_FEED, start);
        if (end === -1) break;
        const piece = chunk.subarray(start, end);
        start = end + 1;
        if (sizeBytes === 0 && piece.length <= maxLineBytes) {
          yield { bytes: withoutCarriageReturn(piece), isCut: false, sizeBytes: piece.length + 1 };
        } else {
          keep(piece);
          yield takeCarried(1);
        }
      }
      keep(chunk.subarray(start));
    },
    *end() {
      if (sizeBytes > 0) yield takeCarried(0);
    },
  };
}

function withoutCarriageReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
