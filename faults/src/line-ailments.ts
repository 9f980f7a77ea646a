import assert from 'node:assert/strict';
import type { KafkaProxy, ProxyLine, ProxyTally } from '@clickstream/local-kafka';

/** Something that may be wrong with a line. */
export interface LineAilment {
  readonly name: string;
  readonly worsen: (proxy: KafkaProxy) => void;
  /** What it does to what passes, and is seen to have done. */
  readonly does: keyof ProxyTally;
}

export const LINE_AILMENTS: readonly LineAilment[] = [
  { name: 'late line', worsen: lineOf({ latencyMs: 300 }), does: 'delayed' },
  { name: 'slow line', worsen: lineOf({ bytesPerSecond: 30_000 }), does: 'delayed' },
  { name: 'requests lost', worsen: lineOf({ blackHole: 'request' }), does: 'dropped' },
  { name: 'responses lost', worsen: lineOf({ blackHole: 'response' }), does: 'dropped' },
  {
    name: 'line cut',
    worsen: (proxy: KafkaProxy): void => {
      proxy.cut();
    },
    does: 'reset',
  },
  {
    name: 'connections reset',
    worsen: (proxy: KafkaProxy): void => {
      proxy.reset();
    },
    does: 'reset',
  },
];

/** Makes a line bad, and good again when `during` is over. @throws AssertionError when nothing has come of it */
export async function withAilment(
  { name, worsen, does }: LineAilment,
  proxy: KafkaProxy,
  during: () => Promise<void>,
): Promise<void> {
  const before = proxy.tally[does];
  worsen(proxy);
  await during();
  proxy.mend();
  assert.ok(proxy.tally[does] > before, `${name}: nothing was ${does}`);
}

function lineOf(line: ProxyLine): (proxy: KafkaProxy) => void {
  return (proxy) => {
    proxy.line = line;
  };
}
