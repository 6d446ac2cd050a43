import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { hookWakeReplacements } from "../../src/wakes/hooks.ts";
import { type Fields, type Fn, release } from "./wake-release.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

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
        action:
          action === "wake"
            ? { kind: "wake", text: textTemplate, mode: "now" }
            : { kind: "agent", sessionKey: String(sessionKey).startsWith("{{") ? undefined : sessionKey },
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

  test("a webhook leads its event to the session of its body, whatever the mode", async () => {
    const gateway = release();
    const payload = { text: "hi", mode: "next-heartbeat", sessionKey: "agent:ops:x" };
    const parsed = await post(gateway, (replaced) => replaced["normalizeWakePayload"]!(payload as never));
    expect(parsed).toEqual({ ok: true, value: { text: "hi", mode: "now" } });
    expect([...gateway.queues.keys()]).toEqual(["agent:ops:x"]);
    await vi.advanceTimersByTimeAsync(300);
    expect(gateway.runs).toHaveLength(1);
    expect(gateway.wakes).toEqual([]);
  });

  test.each([
    {},
    { sessionKey: null },
    { sessionKey: "" },
    { agentId: null },
    { agentId: "" },
    { sessionKey: "", agentId: null },
  ])("a webhook that names nothing, with %j, is left to the release", async (body) => {
    const gateway = release();
    await post(gateway, (replaced) => replaced["normalizeWakePayload"]!({ text: "hi", ...body } as never));
    expect([...gateway.queues.keys()]).toEqual(["agent:main:main"]);
    expect(gateway.wakes).toEqual([{ reason: "hook:wake" }]);
  });

  test.each([
    [{ text: "hi", sessionKey: "agent:nope:x" }, /Unknown agent/],
    [{ text: "", sessionKey: "agent:ops:x" }, /text required/],
    [{ text: "hi", sessionKey: 7 }, /sessionKey must be/],
  ])("a webhook with %j is refused", async (payload, error) => {
    const gateway = release();
    const parsed = await post(gateway, (replaced) => replaced["normalizeWakePayload"]!(payload as never));
    expect(parsed).toEqual({ ok: false, error: expect.stringMatching(error) });
    expect(gateway.queues.size).toBe(0);
  });

  test("a webhook that names an agent alone leads its event to that agent's main session", async () => {
    const gateway = release();
    const payload = { text: "hi", mode: "next-heartbeat", agentId: "ops" };
    await post(gateway, (replaced) => replaced["normalizeWakePayload"]!(payload as never));
    expect([...gateway.queues.keys()]).toEqual(["agent:ops:main"]);
    await vi.advanceTimersByTimeAsync(300);
    expect(gateway.runs).toMatchObject([{ agentId: "ops" }]);
    expect(gateway.wakes).toEqual([]);
  });

  test.each(["nope", 7, " "])("a webhook that names the agent %j alone is refused", async (agentId) => {
    const gateway = release();
    const payload = { text: "hi", agentId };
    const parsed = await post(gateway, (replaced) => replaced["normalizeWakePayload"]!(payload as never));
    expect(parsed).toEqual({ ok: false, error: expect.stringMatching(/Unknown agent|agentId must be/) });
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
    [{ action: "wake", textTemplate: "hi", agentId: "ops" }, undefined, "agent:ops:main"],
    [{ action: "wake", textTemplate: "hi", agentId: "ops" }, { text: "ho" }, "agent:ops:main"],
    [{ action: "wake", textTemplate: "hi" }, { kind: "wake", agentId: "ops" }, "agent:ops:main"],
    [{ action: "wake", textTemplate: "hi", sessionKey: "" }, undefined, "agent:main:main"],
    [{ action: "wake", textTemplate: "hi", sessionKey: "{{nothing}}" }, undefined, "agent:main:main"],
    [{ action: "wake", textTemplate: "hi", sessionKey: "agent:ops:x" }, { sessionKey: "" }, "agent:main:main"],
    [{ action: "wake", textTemplate: "hi", sessionKey: "agent:ops:x" }, { agentId: null }, "agent:ops:x"],
    [{ action: "wake", textTemplate: "hi", sessionKey: "", agentId: "ops" }, undefined, "agent:ops:main"],
  ])("a webhook's mapping %j with a transform's %j goes to %s", async (mapping, override, key) => {
    const gateway = release();
    await post(gateway, merge(mapping, override));
    expect([...gateway.queues.keys()]).toEqual([key]);
  });

  test("a webhook's mapping whose template gives no key is refused if the mapping names an agent", async () => {
    const gateway = release();
    const mapping = { action: "wake", textTemplate: "hi", sessionKey: "{{nothing}}", agentId: "ops" };
    const parsed = await post(gateway, merge(mapping));
    expect(parsed).toEqual({ ok: false, error: "hook mapping sessionKey template rendered empty" });
    expect(gateway.queues.size).toBe(0);
  });
});
