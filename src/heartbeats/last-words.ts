/** The last words of heartbeats during users' runs, such as alerts: held until the session is free. */
import type { HeartbeatRun } from "./run.ts";

const MAX_HELD = 64;

interface Held {
  readonly run: HeartbeatRun;
  readonly send: () => void;
}

export class LastWords {
  readonly #busy: (run: HeartbeatRun) => boolean;
  readonly #failed: () => void;
  #held: Held[] = [];
  #releasing = false;

  /**
   * @param busy whether a user's run is active on a heartbeat's session
   * @param failed called when a frame could not be sent
   */
  constructor(busy: (run: HeartbeatRun) => boolean, failed: () => void) {
    this.#busy = busy;
    this.#failed = failed;
  }

  /** Whether the frame that is being sent was held before. */
  get releasing(): boolean {
    return this.#releasing;
  }

  /** How many frames are held. */
  get size(): number {
    return this.#held.length;
  }

  /** @param send sends the frame as if it came anew, at the latest after `maxMs` */
  hold(run: HeartbeatRun, send: () => void, maxMs: number): void {
    const frame = { run, send };
    if (this.#held.length >= MAX_HELD) this.#held.shift();
    this.#held.push(frame);
    setTimeout(() => this.#release(frame), maxMs).unref();
  }

  /** Forgets the frames of one heartbeat, or all. */
  drop(run?: HeartbeatRun): void {
    this.#held = run ? this.#held.filter((frame) => frame.run !== run) : [];
  }

  /** Sends, after a moment, what was held for sessions that are free then. */
  releaseIn(ms: number): void {
    if (this.#held.length > 0) setTimeout(() => this.#release(), ms).unref();
  }

  /** @param due held for long enough */
  #release(due?: Held): void {
    const waits = (frame: Held): boolean => frame !== due && (frame.run.live || this.#busy(frame.run));
    try {
      const ready = this.#held.filter((frame) => !waits(frame));
      this.#held = this.#held.filter((frame) => !ready.includes(frame));
      this.#releasing = true;
      for (const { send } of ready) send();
    } catch {
      this.#failed();
    }
    this.#releasing = false;
  }
}
