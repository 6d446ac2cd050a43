/**
 * Events that reveal a session without being that session's own: jobs, tasks, rows of the sessions above, the
 * gateway's status. Each leak is shown on the control gateway first, by the same judge.
 */
import { describe, expect, test } from "vitest";
import { secretFinder } from "../../src/report/secrets.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { until } from "../support/scene/cron-scene.ts";
import type { Client, Endpoint } from "../support/wire/clients.ts";
import { releaseUnderTest } from "./release-under-test.ts";
import { connect, converse, freshSession, gateways, say, settle, traces } from "./contract.ts";

const ADMIN = { name: "boss", scopes: ["operator.admin", "operator.read", "operator.write"] };
const READER = { name: "bystander", scopes: ["operator.read"] };

const ofRelease = capabilities({ version: releaseUnderTest() });

function finderOf({ key, id }: { key: string; id: string }) {
  return secretFinder<"session key" | "text">([
    { session: 0, kind: "session key", text: key },
    { session: 0, kind: "text", text: id },
  ]);
}

/** Names of the events, with how many of them hold something of a session, at one client. Nothing is excused. */
function leaks(client: Client, session: { key: string; id: string }): Record<string, number> {
  const finder = finderOf(session);
  const counts: Record<string, number> = {};
  for (const { event, json } of client.frames) {
    if (finder.inText(json).size > 0) counts[event] = (counts[event] ?? 0) + 1;
  }
  return counts;
}

/** Runs a job whose name, prompt and reply hold an id, to its end. */
async function runJob(boss: Client, id: string, sessionTarget: string): Promise<void> {
  const job = await boss.request("cron.add", {
    name: `job ${id}`,
    schedule: { kind: "at", at: new Date(Date.now() + 3_600_000).toISOString() },
    sessionTarget,
    wakeMode: "next-heartbeat",
    payload: { kind: "agentTurn", message: say(id) },
    delivery: { mode: "none" },
  });
  const jobId = (job["id"] ?? (job["job"] as { id: string } | undefined)?.id) as string;
  await boss.request("cron.run", { id: jobId, mode: "force" });
  const finished = () =>
    boss.frames.find(({ event, payload }) => {
      const body = payload as { jobId?: unknown; action?: unknown };
      return event === "cron" && body.jobId === jobId && body.action === "finished";
    });
  await until(finished, PATIENCE_MS, "the end of the job's run");
  await settle();
}

async function jobAt(gateway: Endpoint, sessionTarget: string, key: string) {
  const { id } = freshSession();
  const [boss, bystander] = [await connect(gateway, ADMIN), await connect(gateway, READER)];
  await runJob(boss, id, sessionTarget);
  return { ...leaks(bystander, { key, id }) };
}

describe("a job's run", () => {
  test("a bystander receives nothing of an isolated run: no prompt, no reply, no key", async () => {
    const { plain, isolated } = gateways();
    const published = await jobAt(plain, "isolated", "agent:main:cron:");
    expect(Object.keys(published), "the control gateway leaks").not.toEqual([]);
    expect(await jobAt(isolated, "isolated", "agent:main:cron:")).toEqual({});
  });

  test.runIf(ofRelease.hasTaskEvents)("a bystander receives nothing of a run in somebody's session", async () => {
    const { plain, isolated } = gateways();
    const { key } = freshSession("vault");
    expect(await jobAt(plain, `session:${key}`, key)).toMatchObject({ task: expect.any(Number) as unknown });
    expect(await jobAt(isolated, `session:${key}`, key)).toEqual({});
  });

  test("a client that claims the job's session receives the job's events whole, others their status", async () => {
    const { isolated } = gateways();
    const { key, id } = freshSession("owner");
    const [boss, owner] = [await connect(isolated, ADMIN), await connect(isolated, READER)];
    await owner.request("chat.history", { sessionKey: key, limit: 1 });
    await runJob(boss, id, ofRelease.hasTaskEvents ? `session:${key}` : "isolated");
    if (ofRelease.hasTaskEvents)
      expect(leaks(owner, { key, id })).toMatchObject({ cron: expect.any(Number) as unknown });
    expect(leaks(boss, { key, id })).toEqual({});
    expect(boss.frames.some(({ event }) => event === "cron")).toBe(true);
  });
});

test.runIf(ofRelease.addsAncestorRows)("a client of a child session receives nothing of its parent", async () => {
  const scene = async (gateway: Endpoint) => {
    const [parent, child] = [freshSession("p"), freshSession("c")];
    const [boss, other] = [await connect(gateway, ADMIN), await connect(gateway, { name: "other" })];
    await converse(boss, parent.key, say(parent.id));
    await boss.request("sessions.create", { key: child.key, parentSessionKey: parent.key });
    await other.request("sessions.messages.subscribe", { key: child.key });
    await converse(other, child.key, say(child.id));
    await converse(boss, parent.key, say(parent.id));
    await settle();
    expect(traces(other, child), "its own session").not.toEqual([]);
    return leaks(other, parent);
  };
  const { plain, isolated } = gateways();
  expect(await scene(plain)).toMatchObject({ "session.message": expect.any(Number) as unknown });
  expect(await scene(isolated)).toEqual({});
});

test("a message whose tool names another session reaches the client whole", async () => {
  const scene = async (gateway: Endpoint) => {
    const [own, named] = [freshSession("own"), freshSession("named")];
    const client = await connect(gateway, ADMIN);
    await client.request("sessions.messages.subscribe", { key: own.key });
    await converse(client, own.key, `[[history id=${own.id} of="${named.key}" n=2]]`);
    await settle();
    const calls = client.frames.filter(
      ({ event, json }) =>
        event === "session.message" && json.includes("sessions_history") && json.includes("arguments"),
    );
    return { calls: calls.length > 0, whole: calls.some(({ json }) => json.includes(named.key)) };
  };
  const { plain, isolated } = gateways();
  const published = await scene(plain);
  expect(await scene(isolated)).toEqual(published);
  if (ofRelease.addsAncestorRows) expect(published).toEqual({ calls: true, whole: true });
});

test("the hello of a new connection names no session", async () => {
  const scene = async (gateway: Endpoint) => {
    const { key, id } = freshSession();
    const boss = await connect(gateway, ADMIN);
    await converse(boss, key, say(id));
    await boss.request("health", { probe: true });
    await boss.request("system-event", { text: `note ${id}` });
    const { hello } = await connect(gateway, READER);
    return finderOf({ key, id }).inValue(hello).length;
  };
  const { plain, isolated } = gateways();
  expect(await scene(plain)).toBeGreaterThan(0);
  expect(await scene(isolated)).toBe(0);
});
