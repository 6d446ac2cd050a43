import { expect, test } from "vitest";
import { connectionFacts } from "../../../src/gateway/connection-facts.ts";
import type { GatewayClient } from "../../../src/gateway/types.ts";

test("the facts have all that 2026.9 knows of a connection", () => {
  const client: GatewayClient = {
    connId: "c",
    connect: {
      role: "operator",
      scopes: ["operator.read"],
      client: { id: "chat", mode: "ui" },
      device: { id: "d1" },
    },
    authenticatedUserId: "ada@example.com",
    authenticatedUserProfile: { profileId: "p1" },
  };
  expect(connectionFacts(client)).toEqual({
    clientId: "chat",
    mode: "ui",
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
