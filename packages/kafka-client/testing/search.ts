import { Worker } from 'node:worker_threads';
import { Coverage, type Covered } from './coverage.ts';

/** The seeds of one thread. */
export interface SearchShare {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** What a thread has found. */
export interface SearchAnswer {
  /** The report of the first schedule that has failed. */
  readonly failure: string | undefined;
  readonly counts: ReadonlyMap<Covered, number>;
}

export interface SearchResult {
  readonly failure: string | undefined;
  readonly coverage: Coverage;
  /** CPU time of all threads, ms, garbage collection and compilation included. */
  readonly cpuMs: number;
}

/** Runs the schedules of the seeds from 1 on in several threads, each with every so manieth of them. */
export async function search(schedules: number, threads: number): Promise<SearchResult> {
  const startedAt = process.cpuUsage();
  const workers = Array.from(
    { length: threads },
    (_, index) =>
      new Worker(new URL('search-thread.ts', import.meta.url), {
        workerData: { from: index + 1, to: schedules, step: threads } satisfies SearchShare,
        execArgv: ['--conditions=@clickstream/source'],
      }),
  );
  const coverage = new Coverage();
  let failure: string | undefined;
  try {
    await Promise.all(
      workers.map(async (worker) => {
        const answer = await answerOf(worker);
        for (const [name, count] of answer.counts) coverage.count(name, count);
        failure ??= answer.failure;
        if (failure !== undefined) throw new Error(failure);
      }),
    );
  } catch (error) {
    if (failure === undefined) throw error;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  const { user, system } = process.cpuUsage(startedAt);
  return { failure, coverage, cpuMs: (user + system) / 1_000 };
}

function answerOf(worker: Worker): Promise<SearchAnswer> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => {
      reject(new Error(`a thread of the search has ended with ${code} and no answer`));
    });
  });
}
