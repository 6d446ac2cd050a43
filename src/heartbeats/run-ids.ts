/** Which agent runs are heartbeats: a heartbeat's run is known by the events that it sends. */
import { BoundedMap } from "../policy/bounded-map.ts";
import { Changes } from "../policy/changes.ts";
import type { Fields } from "../policy/fields.ts";
import { currentHeartbeat, type HeartbeatRun } from "./run.ts";

const MAX_HEARTBEAT_RUNS = 1_024;

export class HeartbeatRunIds {
  readonly #heartbeats = new BoundedMap<string, HeartbeatRun>(MAX_HEARTBEAT_RUNS);
  /** Counts each beginning of a heartbeat. */
  readonly changes = new Changes();
  /** All that have not ended, also those that no message waits for any more. */
  #underWay = 0;
  /** The last run that was found not to be a heartbeat. */
  #other: string | undefined;

  begins(): void {
    this.#underWay += 1;
    this.changes.happened();
  }

  ends(): void {
    this.#underWay -= 1;
  }

  /** Whether the run that sends this event is not a heartbeat, and will not turn out to be one before the next begins. */
  isOther({ runId }: Fields): boolean {
    return this.#underWay === 0 && runId === this.#other;
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
