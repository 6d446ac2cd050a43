/** The identity of a connection, by which a returning client is recognised. */
import { expect, test } from "vitest";
import { clientIdentity } from "../../../src/gateway/client-identity.ts";
import type { GatewayClient, GatewayConfig } from "../../../src/gateway/types.ts";

const SELF = { id: "cli", mode: "cli", displayName: "ACP" };
const CHECKED: GatewayConfig = {};
const UNCHECKED: GatewayConfig = { gateway: { controlUi: { dangerouslyDisableDeviceAuth: true } } };

function identity(connect: object, config: GatewayConfig = CHECKED): string | undefined {
  return clientIdentity({ connId: "c", connect } as GatewayClient, () => config);
}

test("two connections of one program on one device are the same client", () => {
  const one = { role: "operator", device: { id: "d" }, client: SELF };
  expect(identity({ ...one, scopes: ["operator.read"] })).toBe(identity(one));
  expect(identity(one)).toBeTypeOf("string");
});

test.each([
  ["another device", { device: { id: "e" }, client: SELF }],
  ["another program", { device: { id: "d" }, client: { ...SELF, displayName: "TUI" } }],
  ["another instance of the program", { device: { id: "d" }, client: { ...SELF, instanceId: "2" } }],
  ["another role", { role: "node", device: { id: "d" }, client: SELF }],
])("%s is another client", (_, connect) => {
  expect(identity(connect)).not.toBe(identity({ device: { id: "d" }, client: SELF }));
});

test.each([[undefined], [{}], [{ id: "" }], [{ id: 7 }]])(
  "with the device %j a connection proves nothing",
  (device) => {
    expect(identity({ device, client: SELF })).toBeUndefined();
  },
);

test("the device of a Control UI proves nothing where the gateway is told not to check it", () => {
  const ui = { device: { id: "d" }, client: { id: "openclaw-control-ui", mode: "webchat" } };
  expect([identity(ui, UNCHECKED), identity(ui)]).toEqual([undefined, expect.any(String)]);
  expect(identity({ device: { id: "d" }, client: SELF }, UNCHECKED)).toBeTypeOf("string");
});

test("long names are told apart to their ends, and kept in a bounded form", () => {
  const named = (end: string, instanceId?: string) =>
    identity({ device: { id: "d" }, client: { ...SELF, displayName: "x".repeat(1_000_000) + end, instanceId } })!;
  expect(named("a").length).toBeLessThan(1_000);
  expect(named("a")).toBe(named("a"));
  expect(new Set([named("a"), named("b"), named("a", "1"), named("a", "2")]).size).toBe(4);
});
