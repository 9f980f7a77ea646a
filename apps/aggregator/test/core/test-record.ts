import type { ClickRecord } from '../../src/core/click-topology.ts';

/** What a record of a test says; the rest has a default. */
export interface TestRecordOptions {
  readonly offset?: bigint;
  readonly timestampMs?: number;
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers?: readonly (readonly [name: string, value: Buffer | string])[];
}

/** A record as the client's cursor shows it: key and value are ranges of bytes that hold more than them. */
export class TestRecord implements ClickRecord {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly bytes: Buffer;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly #headers: [string, Buffer][];

  constructor({ offset = 0n, timestampMs = 0, key = null, value, headers = [] }: TestRecordOptions) {
    this.offset = offset;
    this.timestampMs = timestampMs;
    const keyBytes = key === null ? undefined : Buffer.from(key);
    const valueBytes = value === null ? undefined : Buffer.from(value);
    const around = Buffer.from('User x clicked on / at 1');
    this.bytes = Buffer.concat([
      around,
      keyBytes ?? Buffer.alloc(0),
      around,
      valueBytes ?? Buffer.alloc(0),
      around,
    ]);
    const keyAt = around.length;
    const valueAt = keyAt + (keyBytes?.length ?? 0) + around.length;
    this.keyStart = keyBytes ? keyAt : -1;
    this.keyEnd = keyBytes ? keyAt + keyBytes.length : -1;
    this.valueStart = valueBytes ? valueAt : -1;
    this.valueEnd = valueBytes ? valueAt + valueBytes.length : -1;
    this.#headers = headers.map(([name, bytes]) => [name, Buffer.from(bytes)]);
  }

  key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd);
  }

  value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd);
  }

  header(name: string): Buffer | undefined {
    return this.#headers.findLast(([given]) => given === name)?.[1];
  }

  headers(): [name: string, value: Buffer][] {
    return this.#headers;
  }
}
