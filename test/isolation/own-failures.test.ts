/** A failure of the module is counted, lets nothing through, and does not reach the gateway. */
import { afterEach, expect, test, vi } from "vitest";
import { AccessGuard } from "../../src/delivery/access-guard.ts";
import { HeldFrames } from "../../src/policy/held-frames.ts";
import { Claims } from "../../src/policy/claims.ts";
import { eventsOf, got, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:a";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function failing(): never {
  throw new Error("ours");
}

test("a connection that the access guard could not check is let in and gets no session's event", () => {
  const { broadcaster, connect, accepted, scope } = scopedGateway(perConnection);
  vi.spyOn(AccessGuard.prototype, "connected").mockImplementationOnce(failing);
  const client = connect("c");
  accepted(client, "sessions.subscribe", {});
  accepted(client, "chat.history", { sessionKey: A });
  for (const event of ["chat", "sessions.changed", "tick"]) {
    broadcaster.broadcast(event, event === "tick" ? {} : { sessionKey: A });
  }
  expect(eventsOf(client)).toEqual(["tick"]);
  expect(scope.status().events["(connection)"]).toEqual({ error: 1 });
});

test.each([
  ["its claims", () => vi.spyOn(Claims.prototype, "disconnect"), 1],
  ["its held frames", () => vi.spyOn(HeldFrames.prototype, "forget"), 0],
  ["its access", () => vi.spyOn(AccessGuard.prototype, "disconnected"), 0],
])("the gateway removes a connection, and the module all of its state except %s if that fails", (_, spy, left) => {
  const { clients, connect, scope } = scopedGateway(perConnection);
  const client = connect("c");
  spy().mockImplementationOnce(failing);
  expect(clients.delete(client)).toBe(true);
  expect(scope.status()).toMatchObject({ connections: left, events: { "(connection)": { error: 1 } } });
});

test("a deletion that could not be carried out after its answer does not end the process", () => {
  vi.useFakeTimers();
  const { connect, accepted, scope } = scopedGateway(perConnection);
  const client = connect("c");
  accepted(client, "chat.history", { sessionKey: A });
  vi.spyOn(Claims.prototype, "end").mockImplementationOnce(failing);
  accepted(client, "sessions.delete", { key: A });
  expect(() => vi.runAllTimers()).not.toThrow();
  expect(scope.status().events["(request)"]).toEqual({ error: 1 });
});

test("an event whose audience could not be found goes to nobody", () => {
  const { broadcaster, connect, accepted, scope } = scopedGateway(perConnection);
  const client = connect("c");
  accepted(client, "chat.history", { sessionKey: A });
  vi.spyOn(Claims.prototype, "on").mockImplementationOnce(failing);
  broadcaster.broadcast("chat", { n: 1, sessionKey: A });
  broadcaster.broadcast("chat", { n: 2, sessionKey: A });
  expect(got(client)).toEqual([2]);
  expect(scope.status().events["chat"]).toEqual({ error: 1, delivered: 1 });
});
