/** Which agent runs are heartbeats: a heartbeat's run is known by the events that it sends. */
import { BoundedMap } from "../policy/bounded-map.ts";
import type { Fields } from "../policy/fields.ts";
import { currentHeartbeat, type HeartbeatRun } from "./run.ts";

const MAX_HEARTBEAT_RUNS = 1_024;

export class HeartbeatRunIds {
  readonly #heartbeats = new BoundedMap<string, HeartbeatRun>(MAX_HEARTBEAT_RUNS);
  #other: string | undefined;

  /**
   * Whether an event is of the last run that was found not to be a heartbeat. It does not become one while none is under
   * way.
   */
  isOther({ runId }: Fields): boolean {
    return runId === this.#other;
  }

  /** The heartbeat of a run that sends an event now. */
  heartbeatOf(runId: string): HeartbeatRun | undefined {
    const known = this.#heartbeats.get(runId);
    if (known) return known;
    const run = currentHeartbeat();
    // What a heartbeat's end sets off, such as a queued message, runs in its context too.
    if (!run || run.runId !== undefined) {
      this.#other = runId;
      return undefined;
    }
    run.runId = runId;
    this.#other = undefined;
    this.#heartbeats.set(runId, run);
    return run;
  }
}
