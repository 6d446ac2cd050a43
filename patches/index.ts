/** The patches, in the order in which to propose them. */
import { patch as scopedSessionMessage } from "./01-scoped-session-message/patch.ts";
import { reproducer as scopedSessionMessageReproducer } from "./01-scoped-session-message/reproduce.ts";
import { patch as heartbeatEvent } from "./02-heartbeat-event/patch.ts";
import { reproducer as heartbeatEventReproducer } from "./02-heartbeat-event/reproduce.ts";
import { patch as targetedEvents } from "./03-targeted-events/patch.ts";
import { reproducer as targetedEventsReproducer } from "./03-targeted-events/reproduce.ts";
import { patch as sessionScopedEvents } from "./04-session-scoped-events/patch.ts";
import { reproducer as sessionScopedEventsReproducer } from "./04-session-scoped-events/reproduce.ts";
import { patch as cronRunEvents } from "./05-cron-run-events/patch.ts";
import { reproducer as cronRunEventsReproducer } from "./05-cron-run-events/reproduce.ts";
import { patch as heartbeatPreemption } from "./06-heartbeat-preemption/patch.ts";
import { reproducer as heartbeatPreemptionReproducer } from "./06-heartbeat-preemption/reproduce.ts";
import { patch as runEvents } from "./07-run-events/patch.ts";
import { reproducer as runEventsReproducer } from "./07-run-events/reproduce.ts";
import { patch as ancestorRows } from "./08-ancestor-rows/patch.ts";
import { reproducer as ancestorRowsReproducer } from "./08-ancestor-rows/reproduce.ts";
import type { Patch } from "./lib/codemod.ts";
import type { Scene } from "./lib/reproducer.ts";

export const PATCHES: readonly { readonly patch: Patch; readonly reproducer: Scene }[] = [
  { patch: scopedSessionMessage, reproducer: scopedSessionMessageReproducer },
  { patch: heartbeatEvent, reproducer: heartbeatEventReproducer },
  { patch: targetedEvents, reproducer: targetedEventsReproducer },
  { patch: sessionScopedEvents, reproducer: sessionScopedEventsReproducer },
  { patch: cronRunEvents, reproducer: cronRunEventsReproducer },
  { patch: heartbeatPreemption, reproducer: heartbeatPreemptionReproducer },
  { patch: runEvents, reproducer: runEventsReproducer },
  { patch: ancestorRows, reproducer: ancestorRowsReproducer },
];

/** The patches with the numbers or names in `wanted`, or all. */
export function selectPatches(wanted: readonly string[]): typeof PATCHES {
  if (wanted.length === 0) return PATCHES;
  return wanted.map((each) => {
    const found = PATCHES.find(({ patch: { name } }) => name === each || name.startsWith(`${each}-`));
    if (!found)
      throw new Error(`there is no patch "${each}"; there are ${PATCHES.map((p) => p.patch.name).join(", ")}`);
    return found;
  });
}
