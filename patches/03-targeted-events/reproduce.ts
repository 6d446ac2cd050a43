/** Events that name a session, and the queue out of which they are taken, if any. */
import { GatewayRequestError } from "../../test/support/wire/clients.ts";
import { type CronBed, openCronBed, until } from "../../test/support/scene/cron-scene.ts";
import type { Config } from "../../test/support/gateway/gateway-config.ts";
import { scene } from "../lib/reproducer.ts";

const HOOK_TOKEN = "hook-token-of-the-scene";
const RUN_KEY = "agent:main:cron:nightly:run:3b1f0c9e-0000-4000-8000-000000000001";
const DRAINED_WITHIN_MS = 15_000;

const CONFIG: Config = {
  agents: { list: [{ id: "main", default: true }, { id: "ops" }] },
  hooks: { enabled: true, token: HOOK_TOKEN, allowRequestSessionKey: true },
};

/** The key of the queue out of which an event was taken, or undefined if none was in time. */
function drainedFrom(bed: CronBed, marker: string): Promise<string | undefined> {
  const ask = async () => (await bed.queues()).drained.find(({ text }) => text.includes(marker))?.key;
  return until(ask, DRAINED_WITHIN_MS, marker).catch(() => undefined);
}

async function hook(bed: CronBed, body: object): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${bed.gateway.port}/hooks/wake`, {
    method: "POST",
    headers: { authorization: `Bearer ${HOOK_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await answer.arrayBuffer();
  return answer.status;
}

export const reproducer = scene({
  bases: ["2026.9.6"],
  open: (release) => openCronBed({ release, isolated: false, config: CONFIG }),
  async run(bed) {
    const { admin } = bed;
    for (const key of ["agent:main:main", "agent:main:other"]) {
      await admin.final((await admin.chat(key, "[[say id=HELLO n=1]]")).runId);
    }
    const wrong: string[] = [];
    const expectDrained = async (what: string, marker: string, key: string): Promise<void> => {
      const from = await drainedFrom(bed, marker);
      if (from !== key) wrong.push(`${what}: ${from === undefined ? "nobody took it" : `it was taken by ${from}`}`);
    };

    const unknown = await admin.request("system-event", { text: "MARK-UNKNOWN", sessionKey: "agent:nope:main" }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(unknown instanceof GatewayRequestError)) wrong.push("system-event to an unknown agent: accepted");

    // Together, since they wake different sessions; the wakes below would wake these too.
    await admin.request("system-event", { text: "MARK-OTHER", sessionKey: "agent:main:other" });
    await admin.request("system-event", { text: "MARK-RUN", sessionKey: RUN_KEY });
    await Promise.all([
      expectDrained("system-event to another session", "MARK-OTHER", "agent:main:other"),
      expectDrained("system-event to a cron run", "MARK-RUN", "agent:main:main"),
    ]);

    await admin.request("wake", { mode: "now", text: "MARK-WAKE", sessionKey: RUN_KEY });
    await expectDrained("wake of a cron run", "MARK-WAKE", "agent:main:main");

    if ((await hook(bed, { text: "MARK-HOOK-RUN", mode: "now", sessionKey: RUN_KEY })) !== 200) {
      throw new Error("/hooks/wake refused the key of a cron run");
    }
    await expectDrained("/hooks/wake of a cron run", "MARK-HOOK-RUN", "agent:main:main");

    const foreign = { text: "MARK-FOREIGN", mode: "now", sessionKey: "agent:ops:main" };
    const status = await hook(bed, foreign);
    if (status !== 400) wrong.push(`/hooks/wake with a key of another agent: ${status}`);
    if ((await hook(bed, { ...foreign, text: "MARK-NAMED", agentId: "ops" })) !== 200) {
      wrong.push("/hooks/wake with a key and its agent: refused");
    }
    await expectDrained("/hooks/wake with a key and its agent", "MARK-NAMED", "agent:ops:main");
    return wrong;
  },
});
