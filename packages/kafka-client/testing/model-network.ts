import type { Coverage } from './coverage.ts';
import { ModelError, NoAnswerError } from './model-error.ts';
import type { ModelProcess } from './model-process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** How often what goes wrong, as probabilities; all of them 0 once the faults have stopped. */
export interface NetworkFaults {
  readonly lostRequest: number;
  readonly lostResponse: number;
  /** The request arrives after the client gave up. */
  readonly lateRequest: number;
  /** Some hundred ms instead of a few. */
  readonly slow: number;
}

export interface Request<T> {
  readonly process: ModelProcess;
  /** The broker that is asked. */
  readonly node: number;
  readonly what: string;
  /** What the broker does when the request arrives; `later` is for an answer that it gives later. */
  readonly apply: (later: (answer: T | ModelError) => void) => T | typeof LATER;
  /** Times that the client asks again when no answer came. */
  readonly retries?: number;
  /** Time to wait for an answer; the request time-out unless told otherwise. */
  readonly timeoutMs?: number;
  /** Shown in the trace when it succeeds. */
  readonly show?: (answer: T) => string;
  readonly isQuiet?: boolean;
  /** Whether an answer that is to come later may never come. */
  readonly mayHang?: boolean;
  /** Told when the client does not know whether the request was applied. */
  readonly onUnknown?: (wasApplied: boolean) => void;
}

/** What `apply` returns when the answer is to come later. */
export const LATER = Symbol('later');

const NO_NETWORK_FAULTS: NetworkFaults = { lostRequest: 0, lostResponse: 0, lateRequest: 0, slow: 0 };

/** Requests and responses between processes and brokers, each of which may be lost, late or slow. */
export class ModelNetwork {
  faults = NO_NETWORK_FAULTS;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #coverage: Coverage;
  readonly #requestTimeoutMs: number;
  /** Nodes that answer nobody, or not one process: by node, or by process and node. */
  readonly #unreachable = new Set<string>();
  #isSettled = false;

  constructor(
    scheduler: Scheduler,
    random: Random,
    trace: Trace,
    coverage: Coverage,
    requestTimeoutMs: number,
  ) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#trace = trace;
    this.#coverage = coverage;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  cut(node: number, process?: ModelProcess): void {
    this.#unreachable.add(process ? `${process.name} ${node}` : String(node));
  }

  mend(): void {
    this.#unreachable.clear();
  }

  /** From now on all is well. */
  settle(): void {
    this.mend();
    this.#isSettled = true;
  }

  isReachable(node: number, process: ModelProcess): boolean {
    if (this.#unreachable.size === 0) return true;
    return !this.#unreachable.has(String(node)) && !this.#unreachable.has(`${process.name} ${node}`);
  }

  latencyMs(): number {
    return !this.#isSettled && this.#random.chance(this.faults.slow)
      ? this.#random.between(20, this.#requestTimeoutMs * 0.9)
      : this.#random.between(0.5, 3);
  }

  /** Asks a broker. @throws ModelError as the broker answers, NoAnswerError when it does not. */
  call<T>(request: Request<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#attempt(request, request.retries ?? 0, resolve, reject);
    });
  }

  #attempt<T>(
    request: Request<T>,
    retriesLeft: number,
    resolve: (answer: T) => void,
    reject: (error: Error) => void,
  ): void {
    const { process, node, what, apply, show, isQuiet, mayHang, onUnknown } = request;
    const random = this.#random;
    const trace = this.#trace;
    const timeoutMs = request.timeoutMs ?? this.#requestTimeoutMs;
    const sentMs = this.#scheduler.nowMs;
    const { lostRequest, lostResponse, lateRequest } = this.#isSettled ? NO_NETWORK_FAULTS : this.faults;
    const draw = random.next();
    const isLost = draw < lostRequest;
    const isLate = !isLost && draw < lostRequest + lateRequest;
    const isResponseLost = !isLost && !isLate && draw < lostRequest + lateRequest + lostResponse;
    let isGivenUp = false;
    let isAnswered = false;
    let wasApplied = false;

    const giveUp = () => {
      if (isGivenUp || isAnswered) return;
      isGivenUp = true;
      if (retriesLeft > 0) {
        trace.add(process.name, what, 'no answer, asks again');
        this.#attempt(request, retriesLeft - 1, resolve, reject);
        return;
      }
      trace.add(process.name, what, `no answer${wasApplied ? ' (it was applied)' : ''}`);
      onUnknown?.(wasApplied);
      reject(new NoAnswerError(`no answer to ${what}`));
    };
    const giveUpInTime = () => {
      process.deliver(Math.max(0, sentMs + timeoutMs - this.#scheduler.nowMs), giveUp);
    };
    const respond = (answer: T | ModelError) => {
      if (isResponseLost || !this.isReachable(node, process)) {
        giveUpInTime();
        return;
      }
      process.deliver(this.latencyMs(), () => {
        if (isGivenUp) return;
        // A process that slept through the time-out gives up before it looks at its sockets, or after.
        if (process.wasPaused(sentMs, timeoutMs) && random.chance(0.5)) {
          giveUp();
          return;
        }
        isAnswered = true;
        if (answer instanceof ModelError) reject(answer);
        else resolve(answer);
      });
    };
    const arrive = () => {
      if (!this.isReachable(node, process)) {
        if (!isLate) giveUpInTime();
        return;
      }
      const isOrphan = isGivenUp || process.state === 'dead';
      let answer: T | typeof LATER | ModelError;
      try {
        answer = apply(respond);
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        answer = error;
      }
      if (answer instanceof ModelError) {
        if (isOrphan && answer.type.startsWith('INVALID_')) this.#coverage.count('zombie requests refused');
      } else {
        wasApplied = true;
        if (isOrphan) this.#coverage.count('requests applied after the client gave up');
      }
      if (!isQuiet || answer instanceof ModelError)
        trace.add(
          process.name,
          isOrphan ? `${what}, late` : what,
          answer instanceof ModelError
            ? answer.message
            : answer === LATER
              ? 'waits'
              : (show?.(answer) ?? 'ok'),
        );
      if (answer !== LATER) respond(answer);
      else if (mayHang) giveUpInTime();
    };

    if (isLost) giveUpInTime();
    else if (isLate) {
      giveUpInTime();
      this.#scheduler.after(timeoutMs + random.between(1, timeoutMs * 4), () => {
        arrive();
        return false;
      });
    } else
      this.#scheduler.after(this.latencyMs(), () => {
        arrive();
        return false;
      });
  }
}
