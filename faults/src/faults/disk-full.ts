import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { startBroker } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';

const BLOCK_BYTES = 512;
/** Above the 10 MB that the indexes of a segment have from its beginning. */
const LIMIT_BYTES = 12 * 1024 * 1024;

/** What the broker says when a file of its log cannot grow, before it gives up for that reason. */
const NO_SPACE =
  /Error while (?:appending|writing)[^]*java\.io\.IOException: File too large[^]*Shutdown broker because all log dirs/;

export const diskFull: Fault = {
  name: 'disk-full',
  title: "the broker's disk is full, so that it stops; then there is space again",
  kafka: { fileSizeLimitBlocks: LIMIT_BYTES / BLOCK_BYTES },
  load: { urlBytes: 8_000 },
  isOnce: true,
  seconds: { round: 40, fixed: 10 },
  async run({ topics, broker, startAggregator, keepWriting, recover, note }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(400);
    const exit = await broker.exited;
    note(`the broker ended with ${exit.signal ?? String(exit.code)}`);
    assert.match(readFileSync(broker.logFile, 'utf8'), NO_SPACE);
    assert.ok(!aggregator.hasEnded, 'the aggregator ended with the broker');
    const { dataDir, port } = broker;
    const again = await startBroker({ dataDir, port });
    topics.atEnd(again.stop);
    await recover(aggregator);
  },
};
