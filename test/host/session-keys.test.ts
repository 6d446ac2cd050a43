import { expect, test } from "vitest";
import type { GatewayConfig } from "../../src/host/gateway-types.ts";
import { defaultAgentOf, SessionKeys } from "../../src/host/session-keys.ts";

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

test("a global session of one of several agents has a key, and does not fail its event", () => {
  const config: GatewayConfig = { session: { scope: "global" }, agents: { list: [{ id: "ops" }, { id: "main" }] } };
  const keys = new SessionKeys(
    () => config,
    () => ({ storeKey: strict, subscriptionKey: (_, agent) => `agent:${agent}:global` }),
  );
  expect(keys.canonical("global")).toBe("agent:ops:global");
  expect(keys.canonical("global", "main")).toBe("agent:main:global");
});
