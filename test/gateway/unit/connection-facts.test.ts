import { expect, test } from "vitest";
import { connectionFacts } from "../../../src/gateway/connection-facts.ts";
import type { GatewayClient } from "../../../src/gateway/types.ts";

test("the facts have all that 2026.9 knows of a connection", () => {
  const client: GatewayClient = {
    connId: "c",
    connect: {
      role: "operator",
      scopes: ["operator.read"],
      client: { id: "chat", mode: "ui", displayName: "Chat" },
      userAgent: "chat/1",
      device: { id: "d1" },
    },
    authenticatedUserId: "ada@example.com",
    authenticatedUserProfile: { profileId: "p1" },
  };
  expect(connectionFacts(client)).toEqual({
    clientId: "chat",
    mode: "ui",
    displayName: "Chat",
    userAgent: "chat/1",
    deviceId: "d1",
    user: "ada@example.com",
    profile: "p1",
    role: "operator",
    scopes: ["operator.read"],
  });
});

test("missing or ill-typed facts are unknown, and a missing role counts as the operator's", () => {
  const connect = { scopes: "operator.admin", client: { id: 5, mode: "" }, device: null } as object;
  const facts = connectionFacts({ connId: "c", connect } as GatewayClient);
  expect(Object.entries(facts).filter(([, value]) => value !== undefined)).toEqual([
    ["role", "operator"],
    ["scopes", []],
  ]);
});

test("a name of a client's own making that is longer than any match counts as none", () => {
  const named = (name: string): object => ({ client: { displayName: name }, userAgent: name });
  const facts = (connect: object) => connectionFacts({ connId: "c", connect } as GatewayClient);
  expect(facts(named("x".repeat(256)))).toMatchObject({ displayName: "x".repeat(256), userAgent: "x".repeat(256) });
  expect(facts(named("x".repeat(257)))).toMatchObject({ displayName: undefined, userAgent: undefined });
});
