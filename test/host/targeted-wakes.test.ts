import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { GatewayConfig, GatewayError, RequestOptions } from "../../src/host/gateway-types.ts";
import { hookWakeReplacements } from "../../src/host/hook-wakes.ts";
import { redirectEvents, redirectWakes } from "../../src/host/redirect.ts";
import { type TargetHost, TargetedWakes } from "../../src/host/targeted-wakes.ts";

type Fn = (...args: never[]) => unknown;
type Fields = Record<string, unknown>;

const CONFIG: GatewayConfig = {
  agents: { defaults: { heartbeat: { every: "0" } }, list: [{ id: "main", default: true }, { id: "Ops" }] } as never,
};

/** A release whose requests know no sessions: what it enqueues goes to the main one. */
function release(config: GatewayConfig = CONFIG, ran: (options: Fields) => unknown = () => ({ status: "ran" })) {
  const queues = new Map<string, string[]>();
  const runs: Fields[] = [];
  const wakes: unknown[] = [];
  const warnings: string[] = [];
  const counts: Record<string, number> = {};
  const enqueue = redirectEvents((text, options) => {
    const { sessionKey } = options as { sessionKey: string };
    queues.set(sessionKey, [...(queues.get(sessionKey) ?? []), String(text).trim()]);
    return true;
  });
  const requestWake = redirectWakes((wake) => wakes.push(wake));
  const runHeartbeat = async (options: Fields): Promise<unknown> => {
    runs.push(options);
    const result = (await ran(options)) as { status?: string };
    if (result.status === "ran") queues.delete(String((options["heartbeat"] as Fields)["session"]));
    return result;
  };
  const functions: Record<string, Fn[]> = {
    peekSystemEvents: [(key: string) => queues.get(key) ?? []],
    enqueueSystemEvent: [enqueue],
    runHeartbeatOnce: [runHeartbeat],
    resolveHeartbeatIntervalMs: [
      (_: unknown, __: unknown, { every }: { every?: string }) => (every === "0" ? null : 1),
    ],
  };
  const host: TargetHost = {
    config: () => config,
    canonical: (key) => String(key).toLowerCase(),
    originals: (name) => functions[name] ?? [],
    replaced: (name) => functions[name] ?? [],
    hooks: () => ({ allowRequestSessionKey: true, allowedSessionKeyPrefixes: [] }),
    count: (reason) => (counts[reason] = (counts[reason] ?? 0) + 1),
    warn: (message) => warnings.push(message),
  };
  const targeted = new TargetedWakes(host);
  const seen: unknown[] = [];
  const handle = targeted.wrap(async ({ req, respond }) => {
    const params = req.params as Fields;
    seen.push(params);
    if (params["scope"] === "none")
      return respond(false, undefined, { code: "INVALID_REQUEST", message: "missing scope" });
    if (!params["text"]) {
      return respond(false, undefined, { code: "INVALID_REQUEST", message: "invalid wake params: text" });
    }
    await Promise.resolve();
    enqueue(params["text"], { sessionKey: "agent:main:main", trusted: false });
    requestWake({ reason: "wake" });
    respond(true, { ok: true });
  });
  /** Sends a request and returns its answer. */
  const ask = async (method: string, params: Fields): Promise<{ ok: boolean; error: GatewayError | undefined }> => {
    const answers: { ok: boolean; error: GatewayError | undefined }[] = [];
    const respond: RequestOptions["respond"] = (ok, _payload, error) => answers.push({ ok, error });
    await handle({ req: { method, params }, client: undefined, respond });
    expect(answers).toHaveLength(1);
    return answers[0]!;
  };
  return { queues, runs, wakes, warnings, counts, functions, targeted, seen, ask, enqueue, requestWake };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a wake that names a session, on a release that knows none", () => {
  test("is handled without the key, its event goes to the session, and the session is woken by us", async () => {
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

  test("leaves requests without a key, and all that comes after it, alone", async () => {
    const gateway = release();
    await gateway.ask("wake", { mode: "now", text: "a", sessionKey: "agent:ops:x" });
    await gateway.ask("wake", { mode: "now", text: "b" });
    gateway.enqueue("c", { sessionKey: "agent:main:other" });
    gateway.requestWake({ reason: "later" });
    expect(gateway.queues.get("agent:main:main")).toEqual(["b"]);
    expect(gateway.queues.get("agent:main:other")).toEqual(["c"]);
    expect(gateway.wakes).toEqual([{ reason: "wake" }, { reason: "later" }]);
  });

  test("does not wake for a line of node presence", async () => {
    const gateway = release();
    await gateway.ask("system-event", { text: "Node: here", sessionKey: "agent:ops:x" });
    expect(gateway.queues.get("agent:ops:x")).toEqual(["Node: here"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.runs).toEqual([]);
  });

  test.each([
    [{ sessionKey: "agent:nope:x" }, /Unknown agent id "nope"/],
    [{ sessionKey: "agent:ops:x", text: " " }, /text required/],
    [{ sessionKey: null }, /sessionKey must be/],
    [{ sessionKey: "agent:ops:x", agentId: "main" }, /contradicts/],
  ])("%j is refused before anything changes", async (params, message) => {
    const gateway = release();
    const { ok, error } = await gateway.ask("wake", { mode: "now", text: "hi", ...params });
    expect({ ok, error }).toEqual({
      ok: false,
      error: { code: "INVALID_REQUEST", message: expect.stringMatching(message) },
    });
    expect(gateway.seen).toEqual([{}]);
    expect(gateway.queues.size).toBe(0);
  });

  test("that is refused says so only to who may ask", async () => {
    const gateway = release();
    const forbidden = gateway.targeted.wrap(async ({ respond }) =>
      respond(false, undefined, { code: "INVALID_REQUEST", message: "missing scope: operator.write" }),
    );
    const errors: unknown[] = [];
    await forbidden({
      req: { method: "wake", params: { mode: "now", text: "x", sessionKey: "agent:nope:x" } },
      client: undefined,
      respond: (_ok, _payload, error) => errors.push(error?.message),
    });
    expect(errors).toEqual(["missing scope: operator.write"]);
  });

  test("is refused if the configuration cannot be read", async () => {
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

  test("is asked for again while the gateway is busy", async () => {
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

  test("serves events that came together at once, and waits at the flood guard", async () => {
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

  test("that never takes its event is given up, counted and warned of", async () => {
    const gateway = release(CONFIG, () => ({ status: "skipped", reason: "quiet-hours" }));
    await gateway.ask("wake", wake);
    await vi.advanceTimersByTimeAsync(20 * 60_000);
    expect(gateway.runs).toHaveLength(5);
    expect(gateway.counts).toMatchObject({ "wake-unanswered": 1 });
    expect(gateway.warnings).toEqual([expect.stringMatching(/agent ops took 1 event\(s\).*quiet-hours/)]);
    expect(gateway.queues.get("agent:ops:x")).toEqual(["hi"]);
  });

  test("that asked no model gives the event back, with its options, and is run again", async () => {
    const replays = [true];
    let signal: (event: object) => void = () => {};
    const gateway = release(CONFIG, () => {
      if (!replays.pop()) signal({ runId: "r", stream: "lifecycle", data: { phase: "start" } });
      return { status: "ran" };
    });
    gateway.functions["onAgentEvent"] = [(listener: (event: object) => void) => void (signal = listener)];
    const given = vi.fn(gateway.enqueue);
    gateway.functions["enqueueSystemEvent"] = [given];
    await gateway.ask("wake", wake);
    await vi.advanceTimersByTimeAsync(400);
    expect(given.mock.calls).toEqual([["hi", { sessionKey: "agent:ops:x", trusted: false }]]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(gateway.runs).toHaveLength(2);
    expect(gateway.queues.size).toBe(0);
  });

  test("runs under scope global on the session that was meant", async () => {
    const config: GatewayConfig = { ...CONFIG, session: { scope: "global" } };
    const gateway = release(config);
    await gateway.ask("wake", wake);
    await vi.advanceTimersByTimeAsync(300);
    expect((gateway.runs[0]!["cfg"] as GatewayConfig).session).toEqual({ scope: "per-sender" });
  });
});

describe("a webhook", () => {
  const parse = (payload: Fields) =>
    payload["text"]
      ? { ok: true, value: { text: payload["text"], mode: payload["mode"] ?? "now" } }
      : { ok: false, error: "text required" };

  /** Handles one webhook with the replaced functions, as the release's handler would. */
  async function post(gateway: ReturnType<typeof release>, read: (replaced: Record<string, Fn>) => unknown) {
    const replacements = hookWakeReplacements(gateway.targeted);
    const originals: Record<string, Fn> = {
      normalizeWakePayload: parse,
      buildActionFromMapping: ({ action, sessionKey, textTemplate }: Fields) => ({
        ok: true,
        action: action === "wake" ? { kind: "wake", text: textTemplate, mode: "now" } : { kind: "agent", sessionKey },
      }),
      mergeAction: (base: Fields, override?: Fields) => ({
        ok: true,
        action: override ? { kind: "wake", text: base["text"], mode: "now" } : base,
      }),
    };
    const replaced = Object.fromEntries(
      Object.entries(originals).map(([name, original]) => [name, replacements[name]!(original) as Fn]),
    );
    let parsed: unknown;
    const create = () => async () => {
      parsed = read(replaced);
      const { ok, value, action } = parsed as { ok: boolean; value?: Fields; action?: Fields };
      if (ok) gateway.enqueue((value ?? action)!["text"], { sessionKey: "agent:main:main", trusted: false });
      if (ok) gateway.requestWake({ reason: "hook:wake" });
    };
    const handler = (replacements["createHooksRequestHandler"]!(create as never) as () => () => Promise<void>)();
    await handler();
    return parsed;
  }

  test("leads its event to the session of its body, whatever the mode", async () => {
    const gateway = release();
    const payload = { text: "hi", mode: "next-heartbeat", sessionKey: "agent:ops:x" };
    const parsed = await post(gateway, (replaced) => replaced["normalizeWakePayload"]!(payload as never));
    expect(parsed).toEqual({ ok: true, value: { text: "hi", mode: "now" } });
    expect([...gateway.queues.keys()]).toEqual(["agent:ops:x"]);
    await vi.advanceTimersByTimeAsync(300);
    expect(gateway.runs).toHaveLength(1);
    expect(gateway.wakes).toEqual([]);
  });

  test("without a key is left to the release", async () => {
    const gateway = release();
    await post(gateway, (replaced) => replaced["normalizeWakePayload"]!({ text: "hi" } as never));
    expect([...gateway.queues.keys()]).toEqual(["agent:main:main"]);
    expect(gateway.wakes).toEqual([{ reason: "hook:wake" }]);
  });

  test.each([
    [{ text: "hi", sessionKey: "agent:nope:x" }, /Unknown agent/],
    [{ text: "", sessionKey: "agent:ops:x" }, /text required/],
    [{ text: "hi", sessionKey: 7 }, /sessionKey must be/],
  ])("with %j is refused", async (payload, error) => {
    const gateway = release();
    const parsed = await post(gateway, (replaced) => replaced["normalizeWakePayload"]!(payload as never));
    expect(parsed).toEqual({ ok: false, error: expect.stringMatching(error) });
    expect(gateway.queues.size).toBe(0);
  });

  const merge = (mapping: Fields, override?: Fields) => (replaced: Record<string, Fn>) => {
    const { action } = replaced["buildActionFromMapping"]!(mapping as never, {} as never) as { action: Fields };
    return replaced["mergeAction"]!(action as never, override as never);
  };

  test.each([
    [{ action: "wake", textTemplate: "hi", sessionKey: "agent:ops:x" }, undefined, "agent:ops:x"],
    [{ action: "wake", textTemplate: "hi", sessionKey: "agent:ops:x" }, { sessionKey: "agent:main:y" }, "agent:main:y"],
    [{ action: "wake", textTemplate: "hi" }, { kind: "wake", sessionKey: "agent:ops:z" }, "agent:ops:z"],
    [{ action: "wake", textTemplate: "hi" }, undefined, "agent:main:main"],
  ])("mapping %j with a transform's %j goes to %s", async (mapping, override, key) => {
    const gateway = release();
    await post(gateway, merge(mapping, override));
    expect([...gateway.queues.keys()]).toEqual([key]);
  });

  test("mapping whose template gives no key is refused", async () => {
    const gateway = release();
    const parsed = await post(
      gateway,
      merge({ action: "wake", textTemplate: "hi", sessionKey: "{{nothing}}" }, { sessionKey: " " }),
    );
    expect(parsed).toEqual({ ok: false, error: "hook mapping sessionKey template rendered empty" });
  });
});
