/** Two cron jobs, one of them bound to a session, and who gets to read what they were told and said. */
import { setTimeout as sleep } from "node:timers/promises";
import { openBed } from "../../test/support/gateway/bed.ts";
import { until } from "../../test/support/scene/cron-scene.ts";
import { type Client, field, type RecordedFrame } from "../../test/support/wire/clients.ts";
import { scene } from "../lib/reproducer.ts";

const VAULT = "agent:main:vault";
/** In the prompts, in the replies, and the keys of the sessions that the runs have. */
const SECRETS = ["PROMPT", "REPLY", VAULT, "agent:main:cron:"];
const RUN_MS = 60_000;
const SETTLE_MS = 1500;

const isRunEvent = ({ event }: RecordedFrame): boolean => event === "task" || event === "cron";
const secret = ({ json }: RecordedFrame): boolean => SECRETS.some((text) => json.includes(text));

/** What lists need to stay live, whoever has subscribed to what. */
function statuses(client: Client): string[] {
  return client.frames.filter(isRunEvent).map((frame) => {
    const task = field(frame, "task") as { id?: unknown; status?: unknown } | undefined;
    const { event } = frame;
    return [event, field(frame, "action"), field(frame, "jobId"), field(frame, "status"), task?.id, task?.status].join(
      " ",
    );
  });
}

/** Adds a job, runs it and waits for its end. */
async function runJob(boss: Client, name: string, sessionTarget: string): Promise<void> {
  const job = await boss.request("cron.add", {
    name,
    schedule: { kind: "at", at: new Date(Date.now() + 3_600_000).toISOString() },
    sessionTarget,
    wakeMode: "next-heartbeat",
    payload: { kind: "agentTurn", message: `PROMPT of ${name} [[say id=REPLY n=4]]` },
    deleteAfterRun: false,
    delivery: { mode: "none" },
  });
  const id = String(job["id"] ?? (job["job"] as { id?: unknown } | undefined)?.id);
  await boss.request("cron.run", { id, mode: "force" }, { timeoutMs: RUN_MS });
  const ended = async () => {
    const { entries } = await boss.request("cron.runs", { id, limit: 5 });
    return Array.isArray(entries) && entries.length > 0 ? true : undefined;
  };
  await until(ended, RUN_MS, `the end of ${name}`);
}

export const reproducer = scene({
  bases: ["2026.9.6"],
  open: (release) => openBed(release),
  async run(bed) {
    const caps = ["session-scoped-events"];
    const scopes = ["operator.read"];
    const boss = await bed.connect({ name: "boss", scopes: ["operator.admin", "operator.read", "operator.write"] });
    // The vault is there before its job, as a session of a person is.
    await boss.final((await boss.chat(VAULT, "[[say id=HELLO n=1]]")).runId);
    const bystander = await bed.connect({ name: "a bystander", scopes });
    const scoped = await bed.connect({ name: "a scoped bystander", scopes, caps });
    const roster = await bed.connect({ name: "a scoped roster client", scopes, caps });
    const dashboard = await bed.connect({ name: "a dashboard", scopes });
    const reader = await bed.connect({ name: "the vault's reader", scopes, caps });
    await roster.request("sessions.subscribe", {});
    await dashboard.request("sessions.subscribe", {});
    await reader.request("sessions.messages.subscribe", { key: VAULT });
    await sleep(SETTLE_MS);

    await runJob(boss, "isolated", "isolated");
    await runJob(boss, "bound", `session:${VAULT}`);
    await sleep(SETTLE_MS);

    const wrong: string[] = [];
    const expectNone = (client: Client, allowed: readonly string[]): void => {
      const found = client.frames.filter((frame) => secret(frame) && !allowed.includes(frame.event));
      if (found.length === 0) return;
      const events = [...new Set(found.map(({ event }) => event))].join(", ");
      wrong.push(`${client.name} got ${found.length} frames with a run's text or key: ${events}`);
    };
    // Without the cap these go to everybody by default, and are not what this is about.
    expectNone(bystander, ["agent", "chat"]);
    expectNone(scoped, []);
    // Roster rows were asked for; session.message is for patch 01.
    expectNone(roster, ["sessions.changed", "session.message"]);
    const foreign = reader.frames.filter((frame) => isRunEvent(frame) && frame.json.includes("agent:main:cron:"));
    if (foreign.length > 0) wrong.push(`${reader.name} got ${foreign.length} events of another session's run`);

    // These must stay: the lists are live for all who may read, and subscribers read everything.
    for (const client of [bystander, scoped, roster, reader]) {
      if (JSON.stringify(statuses(client)) !== JSON.stringify(statuses(dashboard))) {
        wrong.push(`${client.name} did not get the statuses that the dashboard got`);
      }
    }
    const reads = (client: Client, event: string, text: string): boolean =>
      client.frames.some((frame) => frame.event === event && frame.json.includes(text));
    if (!reads(dashboard, "cron", "PROMPT of isolated") || !reads(dashboard, "task", "REPLY-0")) {
      wrong.push("a client with the broad subscription and without the cap lost the text");
    }
    if (!reads(reader, "cron", "PROMPT of bound") || !reads(reader, "task", "REPLY-0")) {
      wrong.push("the session's subscriber lost the text");
    }
    return wrong;
  },
});
