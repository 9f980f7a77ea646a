import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClientError } from '../src/error.ts';
import { runApp, type App } from '../src/run-app.ts';

/** Resolves when the signal aborts, which alone keeps no process alive. */
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const alive = setInterval(() => undefined, 1_000);
    signal.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });

/** Apps that behave in one way each, for run-app.test.ts to run as processes. */
const apps: Readonly<Record<string, App>> = {
  returns: ({ args }) => Promise.resolve(Number(args[1])),
  tells: ({ args, environment, stdout }) => {
    stdout.write(JSON.stringify({ args, fromFile: environment['FROM_FILE'], set: environment['SET'] }));
    return Promise.resolve(0);
  },
  lingers: () => {
    setInterval(() => undefined, 1_000);
    return Promise.resolve(0);
  },
  endsWithMuchInMemory: ({ stdout }) => {
    const memory = Array.from({ length: 300_000 }, (_, index) => ({ index, text: `x${index}` }));
    stdout.write(`${memory.length}\n`);
    return Promise.resolve(0);
  },
  throwsOurs: () =>
    Promise.reject(new KafkaClientError('CLICKSTREAM_KAFKA_UNREACHABLE', 'cannot reach Kafka: start it')),
  throwsOther: () => Promise.reject(new Error('a bug')),
  rejectsUnhandled: async ({ signal }) => {
    void Promise.reject(new KafkaClientError('CLICKSTREAM_KAFKA_STALLED', 'it stands still'));
    await aborted(signal);
    return 0;
  },
  throwsInCallback: async ({ signal }) => {
    setImmediate(() => {
      throw new Error('a bug in a callback');
    });
    await aborted(signal);
    return 0;
  },
  stops: async ({ signal, stdout }) => {
    stdout.write('ready\n');
    await aborted(signal);
    await delay(300);
    stdout.write(`stopped by ${String(signal.reason)}\n`);
    return 0;
  },
  ignoresSignals: async ({ stdout }) => {
    stdout.write('ready\n');
    await delay(60_000);
    return 0;
  },
  writes: async ({ signal, stdout, stderr }) => {
    // Long enough for a first signal to look like a second one, were the start taken for the time of the first.
    await delay(Math.max(0, 1_200 - performance.now()));
    while (!signal.aborted) {
      stdout.write('line\n');
      await delay(1);
    }
    stderr.write('stopping\n');
    await delay(500);
    return 0;
  },
};

const app = apps[process.argv[2] ?? ''];
if (!app) throw new Error(`no such app: ${process.argv[2]}`);
await runApp(process, app);
