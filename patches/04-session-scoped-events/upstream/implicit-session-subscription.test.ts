import { describe, expect, it } from "vitest";
import { prepareImplicitSessionSubscription } from "./implicit-session-subscription.js";
import { createSessionMessageSubscriberRegistry } from "./server-chat-state.js";

type Request = Parameters<typeof prepareImplicitSessionSubscription>[0];

function open(method: string, params: unknown, sessionScopedEvents = true) {
  const registry = createSessionMessageSubscriberRegistry();
  const answers: unknown[] = [];
  const cfg = {
    agents: { list: [{ id: "main", default: true }] },
    gateway: { sessionScopedEvents },
  };
  const subscription = prepareImplicitSessionSubscription({
    method,
    params,
    connId: "conn",
    context: { getRuntimeConfig: () => cfg, subscribeSessionMessageEvents: registry.subscribe },
    respond: (ok: boolean) => void answers.push(ok),
  } as unknown as Request);
  const subscribed = (key: string) => registry.get(key).has("conn");
  return { subscription, subscribed, answers };
}

describe("prepareImplicitSessionSubscription", () => {
  it.each(["chat.send", "chat.history", "chat.startup"])(
    "%s subscribes to its session once it is accepted",
    async (method) => {
      const { subscription, subscribed, answers } = open(method, { sessionKey: "agent:main:mine" });
      expect(subscribed("agent:main:mine")).toBe(false);
      await subscription.during(async () => {
        expect(subscribed("agent:main:mine")).toBe(true);
        subscription.respond(true);
      });
      expect(subscribed("agent:main:mine")).toBe(true);
      expect(subscribed("agent:main:other")).toBe(false);
      expect(answers).toEqual([true]);
    },
  );

  it("knows the session by its canonical key", async () => {
    const { subscription, subscribed } = open("chat.send", { sessionKey: "main" });
    await subscription.during(async () => subscription.respond(true));
    expect(subscribed("agent:main:main")).toBe(true);
  });

  it("keeps nothing of a request that is refused or fails", async () => {
    const refused = open("chat.send", { sessionKey: "agent:main:mine" });
    await refused.subscription.during(async () => refused.subscription.respond(false));
    expect(refused.subscribed("agent:main:mine")).toBe(false);

    const failed = open("chat.history", { sessionKey: "agent:main:mine" });
    const broken = async () => {
      throw new Error("broken");
    };
    await expect(failed.subscription.during(broken)).rejects.toThrow("broken");
    expect(failed.subscribed("agent:main:mine")).toBe(false);
  });

  it("keeps the subscription of an answer that comes after the handler has returned", async () => {
    const { subscription, subscribed } = open("chat.send", { sessionKey: "agent:main:mine" });
    await subscription.during(async () => {});
    subscription.respond(true);
    expect(subscribed("agent:main:mine")).toBe(true);
  });

  it.each([
    ["another method", "sessions.list", { sessionKey: "agent:main:mine" }, true],
    ["no session key", "chat.send", {}, true],
    ["the setting off", "chat.send", { sessionKey: "agent:main:mine" }, false],
  ])("does nothing with %s", async (_, method, params, enabled) => {
    const { subscription, subscribed, answers } = open(method, params, enabled);
    await subscription.during(async () => subscription.respond(true));
    expect(subscribed("agent:main:mine")).toBe(false);
    expect(answers).toEqual([true]);
  });
});
