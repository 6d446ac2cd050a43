import { describe, expect, test } from "vitest";
import { type HookConfig, hookSessionRefusal, type HookSettings } from "../../src/policy/hook-target.ts";

const CLOSED: HookSettings = { allowRequestSessionKey: false, allowedSessionKeyPrefixes: [] };
const OPEN: HookSettings = { allowRequestSessionKey: true, allowedSessionKeyPrefixes: [] };
const OPS = { written: "agent:ops:main", sessionKey: "agent:ops:main", agentId: "ops" };
const RAW = { written: "Hook:mail", sessionKey: "agent:main:hook:mail", agentId: "main" };
const RUN = { written: "agent:ops:cron:j:run:r", sessionKey: "agent:ops:main", agentId: "ops" };

describe("what a webhook may wake", () => {
  test.each<[string, typeof OPS, HookConfig, HookSettings]>([
    ["if the gateway allows it", OPS, { allowRequestSessionKey: true }, CLOSED],
    ["if our settings allow it and the gateway says nothing", OPS, {}, OPEN],
    ["of an agent that is allowed", OPS, { allowedAgentIds: ["OPS"] }, OPEN],
    ["of any agent with *", OPS, { allowedAgentIds: ["main", "*"] }, OPEN],
    ["whose key begins so, in any case", OPS, { allowedSessionKeyPrefixes: [" Agent:Ops: "] }, OPEN],
    ["whose raw key begins so", RAW, { allowedSessionKeyPrefixes: ["hook:"] }, OPEN],
    ["where the gateway's list of prefixes is empty", OPS, { allowedSessionKeyPrefixes: [] }, OPEN],
  ])("a webhook may wake a session %s", (_, target, config, settings) => {
    expect(hookSessionRefusal(target, "request", config, settings)).toBeUndefined();
  });
});

describe("what a webhook may not wake", () => {
  const disabled = /^sessionKey is disabled/;
  const prefix = /^sessionKey must start with one of: /;
  test.each<[string, typeof OPS, HookConfig, HookSettings, RegExp]>([
    ["by default", OPS, {}, CLOSED, disabled],
    ["if the gateway forbids what our settings allow", OPS, { allowRequestSessionKey: false }, OPEN, disabled],
    ["if the gateway's permission is not a boolean", OPS, { allowRequestSessionKey: "yes" }, OPEN, disabled],
    ["of an agent that is not allowed", OPS, { allowedAgentIds: ["main"] }, OPEN, /hooks.allowedAgentIds/],
    ["of any agent where none is allowed", OPS, { allowedAgentIds: [] }, OPEN, /hooks.allowedAgentIds/],
    ["whose key begins otherwise", OPS, { allowedSessionKeyPrefixes: ["hook:"] }, OPEN, prefix],
    ["whose key our own prefixes exclude", OPS, {}, { ...OPEN, allowedSessionKeyPrefixes: ["hook:"] }, prefix],
    ["that a cron run's key stands for", RUN, { allowedSessionKeyPrefixes: ["agent:ops:cron:"] }, OPEN, prefix],
  ])("a webhook may not wake a session %s", (_, target, config, settings, message) => {
    expect(hookSessionRefusal(target, "request", config, settings)).toMatch(message);
    expect(hookSessionRefusal(target, "mapping-templated", config, settings)).toMatch(message);
  });
});

test("a session that the configuration names needs no permission but must have an allowed prefix", () => {
  expect(hookSessionRefusal(OPS, "mapping-static", {}, CLOSED)).toBeUndefined();
  const settings = { ...CLOSED, allowedSessionKeyPrefixes: ["hook:"] };
  expect(hookSessionRefusal(OPS, "mapping-static", {}, settings)).toMatch(/must start with/);
});

test("an agent that a webhook names alone must be allowed, and the rules for session keys do not concern it", () => {
  const closed = { ...CLOSED, allowedSessionKeyPrefixes: ["hook:"] };
  expect(hookSessionRefusal(OPS, "agent", { allowRequestSessionKey: false }, closed)).toBeUndefined();
  expect(hookSessionRefusal(OPS, "agent", { allowedAgentIds: ["main"] }, OPEN)).toMatch(/hooks.allowedAgentIds/);
});
