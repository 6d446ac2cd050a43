/** A message that comes while a heartbeat runs on its session: what happens to its answer? */
import { openBed } from "../../test/support/gateway/bed.ts";
import { heartbeatScene, HEARTBEATS_ON, isWhole } from "../../test/support/scene/heartbeat-scene.ts";
import { until } from "../../test/support/scene/cron-scene.ts";
import { scene } from "../lib/reproducer.ts";

/** Not every message is lost: 2026.5.7 loses about every second one. */
const ROUNDS = 4;

export const reproducer = scene({
  bases: ["2026.5.7"],
  open: (release) => openBed(release, { config: HEARTBEATS_ON }),
  async run(bed) {
    const { round } = await heartbeatScene(bed);
    const wrong: string[] = [];
    let heartbeats = 0;
    // One lost message is the problem: no need to lose more.
    for (let i = 0; i < ROUNDS && wrong.length === 0; i += 1) {
      // Sent when the heartbeat's model call is under way.
      const result = await round("mid", { chunks: 8 });
      heartbeats += result.heartbeats;
      if (!isWhole(result)) {
        wrong.push(`message ${i + 1}: the final says "${result.text}", its answer came under ${result.under} run`);
      }
    }
    if (heartbeats === 0) throw new Error("no heartbeat ran");
    if (wrong.length > 0) return wrong;
    // The deferred heartbeat runs after all.
    const answered = () => bed.model.requests.some(({ id, done, aborted }) => id === "HEARTBEAT" && done && !aborted);
    await until(() => (answered() ? true : undefined), 30_000, "").catch(() =>
      wrong.push("no heartbeat ever came to its end"),
    );
    return wrong;
  },
});
