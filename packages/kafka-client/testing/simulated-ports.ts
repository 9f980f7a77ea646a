import { KafkaClientError } from '../src/error.ts';
import type { TaskPorts } from '../src/task-ports.ts';
import { placeOf } from './model-cluster.ts';
import { ModelError, NoAnswerError } from './model-error.ts';
import type { ModelProcess } from './model-process.ts';
import { SimulatedMembership } from './simulated-membership.ts';
import { SimulatedProducer } from './simulated-producer.ts';
import { SimulatedReader } from './simulated-reader.ts';
import { GROUP_NODE, leaderNode, type World } from './simulation-world.ts';

/** The ports of one process to the model. */
export function simulatedPorts(world: World, process: ModelProcess): TaskPorts {
  const { network, cluster, coverage, partitions } = world;
  return {
    reader: new SimulatedReader(world, process),
    clock: process.clock,
    fence: (transactionalId) => SimulatedProducer.fence(world, process, transactionalId),
    joinGroup: (options) => SimulatedMembership.join(world, process, options),
    // Offsets in a transaction that is not decided are not shown, and not waited for. Shown by
    // test/model-transactions.test.ts "shows the group's offsets once the transaction is committed, and not before".
    groupOffsets: (groupId, topics) => {
      // The engine asks only where it has found a checkpoint.
      coverage.count('restores with a checkpoint');
      return network.call({
        process,
        node: GROUP_NODE,
        what: `read offsets of ${groupId}`,
        retries: 2,
        apply: () =>
          new Map(
            topics.map((topic) => {
              const offsets = new Map<number, bigint>();
              for (let partition = 0; partition < partitions; partition++) {
                const offset = cluster.groupOffsets.get(placeOf(topic, partition));
                if (offset !== undefined) offsets.set(partition, BigInt(offset));
              }
              return [topic, offsets];
            }),
          ),
        show: (offsets) => JSON.stringify([...offsets].map(([topic, at]) => [topic, [...at].map(String)])),
      });
    },
    reach: (signal) =>
      abortable(
        process,
        signal,
        network
          .call({ process, node: GROUP_NODE, what: 'reach', apply: () => undefined })
          .catch((error: unknown) => {
            throw new KafkaClientError('CLICKSTREAM_KAFKA_UNREACHABLE', 'no broker answers', {
              cause: error,
            });
          }),
      ),
    deleteRecords: async (topic, below, signal) => {
      for (const { partition, offset } of below) {
        const log = cluster.log(topic, partition);
        const isQuiet = Number(offset) <= log.start;
        await abortable(
          process,
          signal,
          network.call({
            process,
            node: leaderNode(world, topic, partition),
            what: `delete ${topic}/${partition} below ${offset}`,
            isQuiet,
            apply: () => {
              if (Number(offset) > log.start) coverage.count('purges');
              log.deleteBelow(Number(offset));
            },
          }),
        );
      }
    },
  };
}

function abortable<T>(process: ModelProcess, signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(new NoAnswerError('aborted'));
    };
    if (signal.aborted) abort();
    const forget = process.onAbort(signal, abort);
    work
      .then(resolve, (error: unknown) => {
        reject(error instanceof Error ? error : new ModelError('UNKNOWN'));
      })
      .finally(forget);
  });
}
