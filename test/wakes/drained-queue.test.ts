import { describe, expect, test } from "vitest";
import { SessionKeys } from "../../src/gateway/session-keys.ts";
import type { GatewayConfig } from "../../src/gateway/types.ts";
import { drainedQueue } from "../../src/wakes/drained-queue.ts";

type Fn = (...args: never[]) => unknown;

interface Release {
  /** Whether the resolver of keys folds letter case: from 2026.4 on. */
  readonly folds?: boolean;
  readonly scope?: "per-sender" | "global";
  /** The id of the session under each key, in the store of the agent that the heartbeat belongs to. */
  readonly store?: Readonly<Record<string, string>>;
  readonly lacks?: string;
}

function drained(key: string, { folds = false, scope = "per-sender", store = {}, lacks }: Release = {}) {
  const config: GatewayConfig = { session: { scope } };
  const storeKey = ({ cfg, sessionKey }: { cfg: GatewayConfig; sessionKey: string }): string => {
    const written = folds ? sessionKey.toLowerCase() : sessionKey;
    if (/^(?:agent:main:)?main$/.test(written)) return cfg.session?.scope === "global" ? "global" : "agent:main:main";
    return /^(?:agent:.*|global)$/.test(written) ? written : `agent:main:${written}`;
  };
  const heartbeatSession = (cfg: GatewayConfig, agentId: string, { session }: { session: string }) => {
    const lower = session.toLowerCase();
    const sessionKey = cfg.session?.scope === "global" ? "global" : lower;
    const entries = Object.entries(store).map(([each, sessionId]) => [each, { sessionId }]);
    const mine = sessionKey === "global" || sessionKey.startsWith(`agent:${agentId}:`);
    return {
      sessionKey: mine ? sessionKey : `agent:${agentId}:main`,
      store: Object.fromEntries(entries),
      entry: store[sessionKey] && { sessionId: store[sessionKey] },
    };
  };
  const functions: Record<string, Fn> = { resolveSessionStoreKey: storeKey, resolveHeartbeatSession: heartbeatSession };
  const originals = (name: string): Fn[] => (name in functions && name !== lacks ? [functions[name]!] : []);
  const keys = new SessionKeys(
    () => config,
    () => ({ storeKey: originals("resolveSessionStoreKey").at(-1) as never }),
  );
  return drainedQueue(key, "main", { config: () => config, canonical: keys.canonical, originals });
}

describe("the queue of a session's messages and heartbeats", () => {
  test.each(["agent:dev:web:a", "agent:main:main", "global", "agent:main:cron:job:run:1"])(
    "a session under the canonical key %s has its own queue, whatever is stored",
    (key) => {
      expect(drained(key)).toBe(key);
    },
  );

  test.each<[string, Release, string]>([
    ["main", { store: { main: "1", "agent:main:main": "1" } }, "agent:main:main"],
    ["bar", { store: { bar: "1", "agent:main:bar": "1" } }, "agent:main:bar"],
    ["bar", { scope: "global", store: { bar: "1", "agent:main:bar": "1" } }, "agent:main:bar"],
    ["main", { scope: "global", store: { main: "1", global: "1" } }, "global"],
    ["agent:dev:Web", { store: { "agent:dev:Web": "1", "agent:dev:web": "1" } }, "agent:dev:web"],
  ])("a turn under %s with %j shares the session of %s, and its queue", (key, release, queue) => {
    expect(drained(key, release)).toBe(queue);
  });

  test.each<[string, Release]>([
    ["agent:dev:Web", { store: { "agent:dev:Web": "1" } }],
    ["agent:dev:Web", { store: { "agent:dev:Web": "1", "agent:dev:web": "2" } }],
    ["MAIN", { store: { MAIN: "1", "agent:main:MAIN": "1", "agent:main:main": "2" } }],
    ["bar", { store: { bar: "1" } }],
    ["bar", { store: { bar: "1", "agent:main:bar": "2" } }],
    ["bar", { store: { "agent:main:bar": "1" } }],
    ["bar", {}],
    ["bar", { lacks: "resolveHeartbeatSession", store: { bar: "1", "agent:main:bar": "1" } }],
  ])("a turn under %s with %j is in a session from whose queue nothing is taken", (key, release) => {
    expect(drained(key, release)).toBeUndefined();
  });

  test.each<[string, Release]>([
    ["agent:dev:Web", { folds: true }],
    ["main", { folds: true }],
    ["agent:dev:Web", { lacks: "resolveSessionStoreKey" }],
  ])("a key such as %s is left to a release that folds letter case, or does not resolve keys: %j", (key, release) => {
    expect(drained(key, release)).toBe(key);
  });
});
