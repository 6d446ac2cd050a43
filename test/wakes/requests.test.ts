import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { GatewayConfig } from "../../src/gateway/types.ts";
import { CONFIG, type Fields, release, READER } from "./wake-release.ts";
import { passSteps } from "../../src/delivery/requests.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a wake that names a session, on a release that knows none", () => {
  test("a wake that names a session is handled without the key, its event goes there, and the module wakes the session", async () => {
    const gateway = release();
    expect(await gateway.ask("wake", { mode: "next-heartbeat", text: " hi ", sessionKey: "agent:ops:Chat" })).toEqual({
      ok: true,
      error: undefined,
    });
    expect(gateway.seen).toEqual([{ mode: "next-heartbeat", text: " hi " }]);
    expect([...gateway.queues]).toEqual([["agent:ops:chat", ["hi"]]]);
    expect(gateway.wakes).toEqual([]);
    await vi.advanceTimersByTimeAsync(300);
    expect(gateway.runs).toHaveLength(1);
    const [{ agentId, heartbeat, reason, cfg }] = gateway.runs as [Fields];
    // The schedule is off; what is sent on purpose still runs.
    expect({ agentId, heartbeat, reason }).toEqual({
      agentId: "ops",
      heartbeat: { every: "30m", session: "agent:ops:chat", isolatedSession: false },
      reason: "exec-event",
    });
    expect((cfg as GatewayConfig).agents?.list?.[1]).toMatchObject({ id: "Ops", heartbeat: { every: "30m" } });
    expect(gateway.queues.size).toBe(0);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(gateway.runs).toHaveLength(1);
    expect(gateway.counts).toEqual({ targeted: 1 });
  });

  test.each(["wake", "system-event"])(
    "a %s that names an agent alone goes to that agent's main session",
    async (method) => {
      const gateway = release();
      expect(await gateway.ask(method, { mode: "now", text: "hi", agentId: "OPS" })).toMatchObject({ ok: true });
      expect(gateway.seen).toEqual([{ mode: "now", text: "hi" }]);
      expect([...gateway.queues]).toEqual([["agent:ops:main", ["hi"]]]);
      await vi.advanceTimersByTimeAsync(300);
      expect(gateway.runs).toMatchObject([{ agentId: "ops", heartbeat: { session: "agent:ops:main" } }]);
      expect(gateway.wakes).toEqual([]);
    },
  );

  test.each([
    [{ agentId: "Dev Team" }, "agent:dev-team:main"],
    [{ sessionKey: "agent:Dev Team:Chat" }, "agent:dev-team:chat"],
  ])("a wake with %j, the agent's id as the configuration writes it, goes to %s", async (params, key) => {
    const gateway = release();
    gateway.functions["listAgentIds"] = [() => ["main", "ops", "dev-team"]];
    expect(await gateway.ask("wake", { mode: "now", text: "hi", ...params })).toMatchObject({ ok: true });
    expect([...gateway.queues.keys()]).toEqual([key]);
    await vi.advanceTimersByTimeAsync(300);
    expect(gateway.runs).toMatchObject([{ agentId: "dev-team", heartbeat: { session: key } }]);
  });

  test("a release that knows targets gets the agent's id as it has it in its keys", async () => {
    const gateway = release();
    gateway.functions["enqueueHeartbeatRequest"] = [() => undefined];
    const params = { mode: "now", text: "hi", sessionKey: "agent:Dev Team:chat", agentId: "Dev Team" };
    await gateway.ask("wake", params);
    expect(gateway.seen).toEqual([{ ...params, sessionKey: "agent:dev-team:chat", agentId: "dev-team" }]);
  });

  test("where all agents share one session, only the agent that runs it may be named alone", async () => {
    const gateway = release({ ...CONFIG, session: { scope: "global" } });
    const { ok, error } = await gateway.ask("wake", { mode: "now", text: "hi", agentId: "ops" });
    expect({ ok, message: error?.message }).toEqual({ ok: false, message: expect.stringMatching(/one session/) });
    expect(gateway.queues.size).toBe(0);
    expect(await gateway.ask("wake", { mode: "now", text: "hi", agentId: "main" })).toMatchObject({ ok: true });
    expect([...gateway.queues]).toEqual([["global", ["hi"]]]);
  });

  test("a release that knows targets finds the agent of a wake itself", async () => {
    const gateway = release();
    gateway.functions["enqueueHeartbeatRequest"] = [() => undefined];
    await gateway.ask("wake", { mode: "now", text: "hi", agentId: "ops" });
    expect(gateway.seen).toEqual([{ mode: "now", text: "hi", agentId: "ops" }]);
  });

  test("a request without a key, and all that comes after it, is left alone", async () => {
    const gateway = release();
    await gateway.ask("wake", { mode: "now", text: "a", sessionKey: "agent:ops:x" });
    await gateway.ask("wake", { mode: "now", text: "b" });
    gateway.enqueue("c", { sessionKey: "agent:main:other" });
    gateway.requestWake({ reason: "later" });
    expect(gateway.queues.get("agent:main:main")).toEqual(["b"]);
    expect(gateway.queues.get("agent:main:other")).toEqual(["c"]);
    expect(gateway.wakes).toEqual([{ reason: "wake" }, { reason: "later" }]);
  });

  test.each([
    { sessionKey: null },
    { sessionKey: "" },
    { agentId: null },
    { agentId: "" },
    { sessionKey: null, agentId: "" },
  ])("a wake with %j names nothing and is left to the release as it is", async (params) => {
    const gateway = release();
    expect(await gateway.ask("wake", { mode: "now", text: "hi", ...params })).toMatchObject({ ok: true });
    expect(gateway.seen).toEqual([{ mode: "now", text: "hi", ...params }]);
    expect([...gateway.queues.keys()]).toEqual(["agent:main:main"]);
    expect(gateway.wakes).toEqual([{ reason: "wake" }]);
    expect(gateway.counts).toEqual({});
  });

  test.each([
    [{ sessionKey: "agent:ops:x", agentId: null }, "agent:ops:x"],
    [{ sessionKey: "", agentId: "ops" }, "agent:ops:main"],
  ])("a wake with %j goes to %s, since only one of the two names something", async (params, key) => {
    const gateway = release();
    expect(await gateway.ask("wake", { mode: "now", text: "hi", ...params })).toMatchObject({ ok: true });
    expect([...gateway.queues.keys()]).toEqual([key]);
  });

  test("a line of node presence wakes no session", async () => {
    const gateway = release();
    await gateway.ask("system-event", { text: "Node: here", sessionKey: "agent:ops:x" });
    expect(gateway.queues.get("agent:ops:x")).toEqual(["Node: here"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.runs).toEqual([]);
  });

  test.each([
    ["an object that is not a string", { toString: 1, valueOf: 1 }],
    ["an array nested too deep", JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`)],
  ])("a wake whose text is %s throws nothing into the gateway", async (_, text) => {
    const gateway = release();
    const { ok } = await gateway.ask("wake", { mode: "now", text, sessionKey: "agent:ops:x", scope: "none" });
    expect(ok).toBe(false);
  });

  test.each([
    [{ sessionKey: "agent:nope:x" }, /Unknown agent id "nope"/],
    [{ sessionKey: "agent:ops:x", text: " " }, /text required/],
    [{ sessionKey: 7 }, /sessionKey must be/],
    [{ sessionKey: " " }, /sessionKey must be/],
    [{ agentId: "nope" }, /Unknown agent id "nope"/],
    [{ agentId: 7 }, /agentId must be/],
    [{ sessionKey: "agent:ops:x", agentId: "main" }, /contradicts/],
  ])("a wake with %j is refused before anything changes", async (params, message) => {
    const gateway = release();
    const { ok, error } = await gateway.ask("wake", { mode: "now", text: "hi", ...params });
    expect({ ok, error }).toEqual({
      ok: false,
      error: { code: "INVALID_REQUEST", message: expect.stringMatching(message) },
    });
    expect(gateway.seen).toEqual([{}]);
    expect(gateway.queues.size).toBe(0);
  });

  test("a refused wake gives its reason only to a connection that may ask", async () => {
    const gateway = release();
    const forbidden = passSteps(
      async ({ respond }) =>
        respond(false, undefined, { code: "INVALID_REQUEST", message: "missing scope: operator.write" }),
      [gateway.targeted.step],
      READER,
    );
    const errors: unknown[] = [];
    await forbidden({
      req: { method: "wake", params: { mode: "now", text: "x", sessionKey: "agent:nope:x" } },
      client: undefined,
      respond: (_ok, _payload, error) => errors.push(error?.message),
    });
    expect(errors).toEqual(["missing scope: operator.write"]);
  });

  test("a wake that names a session is refused where the release wakes only the global session", async () => {
    const gateway = release({ ...CONFIG, session: { scope: "global" } });
    gateway.functions["createSessionEventWakeRuntime"] = [() => undefined];
    const { error } = await gateway.ask("wake", { mode: "now", text: "hi", sessionKey: "agent:ops:x" });
    expect(error?.message).toMatch(/wakes the global session only/);
    expect(await gateway.ask("wake", { mode: "now", text: "hi", sessionKey: "agent:ops:main" })).toMatchObject({
      ok: true,
    });
  });

  test("a wake that names a session is refused if the configuration cannot be read", async () => {
    const gateway = release();
    gateway.functions["listAgentIds"] = [
      () => {
        throw new Error("broken");
      },
    ];
    const { error } = await gateway.ask("wake", { mode: "now", text: "hi", sessionKey: "agent:ops:x" });
    expect(error?.message).toMatch(/could not be checked/);
    expect(gateway.counts).toEqual({ error: 1 });
  });
});

describe("a targeted heartbeat", () => {
  const wake = { mode: "now", text: "hi", sessionKey: "agent:ops:x" };

  test("a targeted heartbeat is requested again while the gateway is busy", async () => {
    const answers = ["requests-in-flight", "cron-in-progress"];
    const gateway = release(CONFIG, () => {
      const reason = answers.shift();
      return reason ? { status: "skipped", reason } : { status: "ran" };
    });
    await gateway.ask("wake", wake);
    await vi.advanceTimersByTimeAsync(2_500);
    expect(gateway.runs).toHaveLength(3);
    expect(gateway.queues.size).toBe(0);
  });

  test("a targeted heartbeat serves events that came together at once, and waits at the flood guard", async () => {
    const gateway = release();
    await gateway.ask("wake", wake);
    await gateway.ask("wake", { ...wake, text: "ho" });
    await vi.advanceTimersByTimeAsync(300);
    expect(gateway.runs).toHaveLength(1);
    for (let n = 0; n < 6; n += 1) await gateway.ask("wake", { ...wake, sessionKey: `agent:ops:${n}` });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(gateway.runs).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.runs).toHaveLength(7);
    expect(gateway.queues.size).toBe(0);
  });

  test.each([-6, 6])(
    "a targeted heartbeat waits a minute at the flood guard, also when the clock jumps by %i hours",
    async (hours) => {
      const gateway = release();
      for (let n = 0; n < 6; n += 1) await gateway.ask("wake", { ...wake, sessionKey: `agent:ops:${n}` });
      await vi.advanceTimersByTimeAsync(1_000);
      vi.setSystemTime(Date.now() + hours * 3_600_000);
      await gateway.ask("wake", { ...wake, sessionKey: "agent:ops:7" });
      await vi.advanceTimersByTimeAsync(50_000);
      expect(gateway.runs).toHaveLength(5);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(gateway.runs).toHaveLength(7);
    },
  );

  test("a targeted heartbeat that never takes its event is counted and warned of, and its event is kept", async () => {
    const gateway = release(CONFIG, () => ({ status: "skipped", reason: "disabled" }));
    await gateway.ask("wake", wake);
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(gateway.runs).toHaveLength(5);
    expect(gateway.counts).toMatchObject({ "wake-unanswered": 1 });
    expect(gateway.warnings).toEqual([expect.stringMatching(/agent ops took 1 event\(s\).*disabled/)]);
    expect(gateway.queues.get("agent:ops:x")).toEqual(["hi"]);
  });

  test("a targeted heartbeat that fails is warned of without the text of its error, which may quote anything", async () => {
    const gateway = release(CONFIG, () => {
      throw new Error("the model said\n[event-isolation] all is well");
    });
    await gateway.ask("wake", wake);
    await vi.advanceTimersByTimeAsync(20 * 60_000);
    expect(gateway.warnings).toEqual([expect.stringMatching(/took 1 event\(s\) .*\(failed\)/)]);
  });

  test("a targeted heartbeat under scope global runs on the session that was meant", async () => {
    const config: GatewayConfig = { ...CONFIG, session: { scope: "global" } };
    const gateway = release(config);
    await gateway.ask("wake", wake);
    await vi.advanceTimersByTimeAsync(300);
    expect((gateway.runs[0]!["cfg"] as GatewayConfig).session).toEqual({ scope: "per-sender" });
  });
});
