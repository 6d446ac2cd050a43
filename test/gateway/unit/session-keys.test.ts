import { expect, test } from "vitest";
import type { GatewayConfig } from "../../../src/gateway/types.ts";
import { defaultAgentOf, SessionKeys } from "../../../src/gateway/session-keys.ts";

/** As 2026.9: it does not choose among several agents. */
const strict = ({ cfg, sessionKey }: { cfg: GatewayConfig; sessionKey: string }): string => {
  if (sessionKey.startsWith("agent:")) return sessionKey.toLowerCase();
  if (sessionKey === "global" || cfg.session?.scope === "global") return "global";
  if ((cfg.agents?.list?.length ?? 0) > 1) throw new Error("no explicit owner");
  return `agent:${cfg.agents?.list?.[0]?.id ?? "main"}:${sessionKey}`;
};

test.each([
  [[], "main"],
  [[{ id: "ops" }], "ops"],
  [[{ id: "ops" }, { id: "main" }], "ops"],
  [[{ id: "ops" }, { id: "main", default: true }], "main"],
])("the default agent of %j is %s", (list, agent) => {
  expect(defaultAgentOf({ agents: { list } }, strict)).toBe(agent);
});

test("a global session of one of several agents has a key and does not fail its event", () => {
  const config: GatewayConfig = { session: { scope: "global" }, agents: { list: [{ id: "ops" }, { id: "main" }] } };
  const keys = new SessionKeys(
    () => config,
    () => ({ storeKey: strict, subscriptionKey: (_, agent) => `agent:${agent}:global` }),
  );
  expect(keys.canonical("global")).toBe("agent:ops:global");
  expect(keys.canonical("global", "main")).toBe("agent:main:global");
});

/** Counts how often the gateway's own resolver is asked. */
function counting() {
  const asked = { times: 0 };
  const config: GatewayConfig = {};
  const keys = new SessionKeys(
    () => config,
    () => ({
      storeKey: (params) => {
        asked.times += 1;
        return strict(params);
      },
    }),
  );
  return { asked, keys };
}

test("the gateway's resolver is asked once about each of 10,000 sessions with events in turn", () => {
  const { asked, keys } = counting();
  const sessions = Array.from({ length: 10_000 }, (_, index) => `agent:main:direct:user-${index}`);
  for (const session of sessions) keys.canonical(session);
  asked.times = 0;
  for (const session of sessions) expect(keys.canonical(session)).toBe(session);
  expect(asked.times).toBe(0);
});

test("the memory of keys is bounded by their length, so that the longest do not pile up", () => {
  const { asked, keys } = counting();
  const long = (index: number): string => `agent:main:${index}:`.padEnd(1024, "x");
  for (let index = 0; index < 10_000; index += 1) keys.canonical(long(index));
  asked.times = 0;
  for (let index = 0; index < 10_000; index += 1) keys.canonical(long(index));
  expect(asked.times).toBeGreaterThan(10_000);
});

test("an agent id of a megabyte is refused, so that it cannot fill the memory of keys", () => {
  const keys = new SessionKeys(
    () => ({}),
    () => ({}),
  );
  expect(keys.canonical("a", "b".repeat(2 ** 20))).toBeUndefined();
});
