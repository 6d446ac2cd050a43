/** What happens to a heartbeat's events when its release has asked no model, and of the sessions of an isolated one. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Fn, GuardScene, MAIN, RAN } from "./guard-scene.ts";

const EVENT = { text: "Exec completed (brave-fox, code 0) :: built", trusted: false };
const OWN = `${MAIN}:heartbeat`;

let scene: GuardScene;
let put: unknown[][];
let entry: Record<string, unknown>;
let patches: unknown[];

beforeEach(() => {
  vi.useFakeTimers();
  scene = new GuardScene().begin();
  put = [];
  patches = [];
  entry = { pendingFinalDelivery: true, pendingFinalDeliveryText: "Build finished." };
  Object.assign(scene.functions, {
    buildPendingFinalDeliveryText: [() => ""],
    resolveHeartbeatSession: [() => ({ sessionKey: MAIN, storePath: "/store.json" })],
    enqueueSystemEvent: [(...args: unknown[]) => put.push(args)],
    updateSessionStoreEntry: [
      async (params: unknown) => {
        const { update, ...where } = params as { update: (entry: unknown) => Promise<unknown> };
        patches.push([where, await update(entry)]);
      },
    ],
  } satisfies Record<string, Fn[]>);
});
afterEach(() => void vi.useRealTimers());

/** A heartbeat that answers `reply`, takes an event, and asks a model if told to. */
async function heartbeat(asks: boolean, reply: unknown = { text: "Build finished." }, result = RAN): Promise<unknown> {
  const getReply = scene.replaced("getReplyFromConfig", async () => reply);
  const take = scene.replaced("consumeSelectedSystemEventEntries", () => [EVENT]);
  const answer = await scene.heartbeat(async () => {
    if (asks) scene.agentEvent({ runId: "r", stream: "lifecycle", data: { phase: "start" } });
    await getReply({ SessionKey: MAIN }, { isHeartbeat: true });
    take(MAIN, []);
    return result;
  });
  await vi.advanceTimersByTimeAsync(0);
  return answer;
}

describe("the events of a heartbeat", () => {
  test("the events of a heartbeat that repeated a reply come again, and the release forgets the reply", async () => {
    expect(await heartbeat(false)).toEqual(RAN);
    expect(put).toEqual([[EVENT.text, { sessionKey: MAIN, trusted: false }]]);
    expect(patches).toEqual([
      [
        { storePath: "/store.json", sessionKey: MAIN },
        expect.objectContaining({ pendingFinalDelivery: undefined, pendingFinalDeliveryText: undefined }),
      ],
    ]);
    expect(scene.failures).toBe(0);
  });

  test("the events of a heartbeat that answered nothing come again, and a reply that still waits is kept", async () => {
    await heartbeat(false, null);
    expect(put).toHaveLength(1);
    expect(patches).toEqual([]);
  });

  test("the events of a heartbeat that failed with a text do not come again, and a remembered reply is kept", async () => {
    entry = { pendingFinalDelivery: true, pendingFinalDeliveryText: "Another one." };
    await heartbeat(false, { text: "Agent failed before reply: no API key" });
    expect(patches).toEqual([[expect.anything(), null]]);
    expect(put).toEqual([]);
  });

  test.each([
    ["asked a model", true, RAN],
    ["failed", false, { status: "failed" }],
  ])("the events of a heartbeat that %s do not come again", async (_, asks, result) => {
    await heartbeat(asks, { text: "Build finished." }, result);
    expect({ put, patches }).toEqual({ put: [], patches: [] });
  });

  test("a release without updateSessionStoreEntry loses nothing by it", async () => {
    delete scene.functions["updateSessionStoreEntry"];
    expect(await heartbeat(false)).toEqual(RAN);
    expect({ patches, failures: scene.failures }).toEqual({ patches: [], failures: 0 });
  });
});

describe("the events of a heartbeat on a release that remembers no reply", () => {
  beforeEach(() => void delete scene.functions["buildPendingFinalDeliveryText"]);
  const FAILED = { text: "Agent failed before reply: Unknown model: nowhere/none" };

  test.each<[string, unknown, { status: string }]>([
    ["said that it failed before its model call", FAILED, RAN],
    ["failed before its model call", undefined, { status: "failed" }],
  ])("the events of a heartbeat that %s are in their queue again when it has ended", async (_, reply, result) => {
    const getReply = scene.replaced("getReplyFromConfig", async () => reply);
    const take = scene.replaced("drainSystemEventEntries", () => [EVENT]);
    const answer = scene.heartbeat(async () => {
      take(MAIN);
      await getReply({ SessionKey: MAIN }, { isHeartbeat: true });
      return result;
    });
    await expect(answer).resolves.toEqual(result);
    expect({ put, patches }).toEqual({ put: [[EVENT.text, { sessionKey: MAIN, trusted: false }]], patches: [] });
    expect(scene.failures).toBe(0);
  });

  test.each<[string, boolean, unknown]>([
    ["asked a model", true, FAILED],
    ["was queued behind a run", false, null],
  ])("the events of a heartbeat that %s do not come again", async (_, asks, reply) => {
    await heartbeat(asks, reply);
    expect(put).toEqual([]);
  });

  test("a release that aborts heartbeats itself keeps their events itself", async () => {
    scene.functions["preemptAndDrainEmbeddedHeartbeatRun"] = [() => {}];
    await heartbeat(false, FAILED);
    expect(put).toEqual([]);
  });
});

describe("a heartbeat with isolatedSession", () => {
  const isolated = { isolatedSession: true };

  test.each([
    ["its own options", { heartbeat: isolated }, {}],
    ["the agent's block", {}, { agents: { list: [{ id: "Main", heartbeat: isolated }] } }],
    ["the defaults", {}, { agents: { defaults: { heartbeat: isolated }, list: [{ id: "main" }] } }],
  ])("a message on main neither aborts nor waits for a heartbeat isolated by %s", async (_, opts, cfg) => {
    const pending = Promise.withResolvers<unknown>();
    let aborted = false;
    const answer = scene.heartbeat(
      () => {
        scene.handle(() => (aborted = true));
        return pending.promise;
      },
      "wake",
      { ...opts, cfg },
    );
    expect(scene.guard.heartbeatSession()).toBeUndefined();
    const message = scene.send("r1");
    expect(message.ready).toBeUndefined();
    expect(scene.guard.takesEventsOf(MAIN)).toBe(true);
    message.done();
    pending.resolve(RAN);
    await expect(answer).resolves.toEqual(RAN);
    expect({ aborted, takes: scene.guard.takesEventsOf(MAIN) }).toEqual({ aborted: false, takes: false });
  });

  test("a message on the heartbeat's own session aborts it", async () => {
    const pending = Promise.withResolvers<unknown>();
    const answer = scene.heartbeat(
      () => {
        scene.handle(() => pending.resolve(RAN));
        return pending.promise;
      },
      "wake",
      { heartbeat: isolated },
    );
    const message = scene.send("r1", OWN);
    expect(message.ready).toBeInstanceOf(Promise);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(answer).resolves.toMatchObject({ status: "skipped" });
  });

  test("an agent's block goes before the defaults", async () => {
    const cfg = {
      agents: { defaults: { heartbeat: isolated }, list: [{ id: "main", heartbeat: { isolatedSession: false } }] },
    };
    const pending = Promise.withResolvers<unknown>();
    const answer = scene.heartbeat(() => pending.promise, "wake", { cfg });
    expect(scene.send("r1").ready).toBeInstanceOf(Promise);
    pending.resolve(RAN);
    await vi.advanceTimersByTimeAsync(1_000);
    await answer;
  });

  test("what an isolated heartbeat says is for the session that it works for", async () => {
    let session: unknown;
    await scene.heartbeat(async () => (session = scene.guard.heartbeatSession()), "wake", { heartbeat: isolated });
    expect(session).toBe(MAIN);
  });
});
