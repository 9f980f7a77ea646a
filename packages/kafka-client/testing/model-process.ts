import type { Clock } from '../src/clock.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { EPOCH_MS } from './simulation-world.ts';

/** A process with an instance of the engine: it may be killed or paused between any two things that reach it. */
export class ModelProcess {
  readonly name: string;
  readonly clock: Clock;
  state: 'up' | 'paused' | 'dead' = 'up';
  /** When it was last paused, and until when. */
  pausedMs: { from: number; to: number } | undefined;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  #held: (() => void)[] = [];
  readonly #listening = new Set<() => void>();

  constructor(name: string, scheduler: Scheduler, random: Random) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#random = random;
    // Monotonic clocks of two processes have nothing in common.
    const originMs = random.below(1_000_000);
    this.clock = {
      now: () => originMs + scheduler.nowMs,
      wallClockMs: () => EPOCH_MS + scheduler.nowMs,
      delay: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) {
            resolve();
            return;
          }
          const done = () => {
            forget?.();
            resolve();
          };
          const forget = signal && this.onAbort(signal, done);
          this.deliver(ms, done);
        }),
    };
  }

  /** Lets something reach the process after a while: later if it is paused then, never if it is dead. */
  deliver(delayMs: number, happen: () => void): void {
    this.#scheduler.after(delayMs, () => {
      if (this.state === 'dead') return false;
      if (this.state === 'paused') {
        this.#held.push(happen);
        return false;
      }
      happen();
      return true;
    });
  }

  /**
   * Listens for as long as the process lives: Node keeps whoever listens to a signal of several others, and with a dead
   * process it would keep the whole schedule.
   *
   * @returns what ends it.
   */
  onAbort(signal: AbortSignal, listen: () => void): () => void {
    const forget = () => {
      signal.removeEventListener('abort', listen);
      this.#listening.delete(forget);
    };
    signal.addEventListener('abort', listen);
    this.#listening.add(forget);
    return forget;
  }

  /** As SIGKILL does: nothing reaches it any more, and what it has sent is on its way. */
  kill(): void {
    this.state = 'dead';
    this.#held = [];
    for (const forget of this.#listening) forget();
  }

  /** As SIGSTOP does. */
  pause(): void {
    if (this.state !== 'up') return;
    this.state = 'paused';
    this.pausedMs = { from: this.#scheduler.nowMs, to: Infinity };
  }

  /** As SIGCONT does: timers that are overdue and answers that have come reach it in any order. */
  resume(): void {
    if (this.state !== 'paused' || !this.pausedMs) return;
    this.state = 'up';
    this.pausedMs = { from: this.pausedMs.from, to: this.#scheduler.nowMs };
    const held = this.#held;
    this.#held = [];
    for (const happen of held) this.deliver(this.#random.between(0, 3), happen);
  }

  /** Whether it was paused for at least `ms` since a moment. */
  wasPaused(sinceMs: number, ms: number): boolean {
    return this.pausedMs !== undefined && this.pausedMs.to - Math.max(sinceMs, this.pausedMs.from) >= ms;
  }
}
