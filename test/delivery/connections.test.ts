/** The number of the sessions' events at each connection, and which connections count as silent. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SILENT_AFTER_MS } from "../../src/delivery/connections.ts";
import { SilentClients } from "../../src/delivery/silent-clients.ts";
import { scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, global, perConnection } from "../support/stand-in/stand-ins.ts";
import type { ConnectionStatus } from "../../src/status.ts";

const KEYS = ["agent:main:a", "agent:main:b", "agent:main:c"];

const step = fc.oneof(
  fc.record({ do: fc.constant("connect" as const) }),
  fc.record({ do: fc.constant("drop" as const), who: fc.nat(5) }),
  fc.record({ do: fc.constant("claim" as const), who: fc.nat(5), key: fc.nat(2) }),
  fc.record({ do: fc.constant("leave" as const), who: fc.nat(5), key: fc.nat(2) }),
  fc.record({ do: fc.constant("publish" as const), key: fc.nat(2) }),
  fc.record({ do: fc.constant("target" as const), who: fc.nat(5), key: fc.nat(2) }),
  fc.record({ do: fc.constant("open" as const) }),
);

test.each([
  ["per connection", perConnection],
  ["globally", global],
])("delivered and withheld of a gateway that numbers %s add up to what was published to all since", (_, create) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { broadcaster, connect, disconnect, accepted, scope } = scopedGateway(create);
      const since = new Map<FakeClient, number>();
      let [published, connections] = [0, 0];
      for (const each of steps) {
        const client = "who" in each ? [...since.keys()][each.who] : undefined;
        const key = "key" in each ? KEYS[each.key]! : "";
        if (each.do === "connect") since.set(connect(`c${(connections += 1)}`), published);
        else if (each.do === "open") broadcaster.broadcast("tick", { ts: 1 });
        else if (each.do === "publish") {
          published += 1;
          broadcaster.broadcast("chat", { sessionKey: key, n: published });
        } else if (client && each.do === "target") {
          broadcaster.broadcastToConnIds!("session.message", { sessionKey: key }, new Set([client.connId]));
        } else if (client && each.do === "drop") {
          disconnect(client);
          since.delete(client);
        } else if (client && each.do === "claim") accepted(client, "chat.history", { sessionKey: key });
        else if (client) accepted(client, "sessions.messages.unsubscribe", { key });
      }
      const rows = scope.connections.rows(0, 100);
      expect(rows).toHaveLength(since.size);
      const had = (client: FakeClient): number => client.frames.filter(({ event }) => event === "chat").length;
      const expected = [...since].map(([client, from]) => [had(client), published - from - had(client)]);
      expect(rows.map(({ delivered, withheld }) => [delivered, withheld]).toSorted()).toEqual(expected.toSorted());
    }),
  );
});

test("an event that was held for an answer counts as withheld until it is sent", () => {
  const { broadcaster, connect, ask, scope } = scopedGateway(perConnection);
  const client = connect("c");
  const request = ask(client, "chat.send", { sessionKey: KEYS[0] });
  broadcaster.broadcast("chat", { sessionKey: KEYS[0] });
  expect(scope.connections.rows(0, 9)).toMatchObject([{ delivered: 0, withheld: 1 }]);
  request.answered({ ok: true, payload: {} });
  expect(scope.connections.rows(0, 9)).toMatchObject([{ delivered: 1, withheld: 0, claims: 1 }]);
});

test("a connection that only listens is silent after a while, and one that asks for a session is not", () => {
  const { broadcaster, connect, ask, scope } = scopedGateway(perConnection);
  const self = { client: { id: "cli", mode: "cli", displayName: "Monitor", version: "1.2" }, userAgent: "m/1" };
  const [silent, asks] = [
    connect("silent", ["operator.read"], self),
    connect("asks", ["operator.read"], { client: { id: "gateway-client", mode: "backend" } }),
  ];
  const names = (rows: readonly ConnectionStatus[]): unknown[] => rows.map(({ displayName }) => displayName);
  expect(scope.connections.look(0)).toEqual([]);
  broadcaster.broadcast("chat", { sessionKey: KEYS[0] });
  expect(scope.connections.look(1_000)).toEqual([]);
  ask(asks, "chat.history", { sessionKey: KEYS[1] }).answered({ ok: false });
  expect(scope.connections.look(SILENT_AFTER_MS)).toEqual([]);
  const [row, ...others] = scope.connections.look(1_000 + SILENT_AFTER_MS);
  expect(others).toEqual([]);
  expect(row).toEqual({
    id: "cli",
    mode: "cli",
    displayName: "Monitor",
    version: "1.2",
    userAgent: "m/1",
    role: "operator",
    device: false,
    claims: 0,
    observer: false,
    delivered: 0,
    withheld: 1,
    silent: true,
    observe: { clientId: "cli", mode: "cli", displayName: "Monitor" },
  });
  expect(names(scope.connections.rows(1_000 + SILENT_AFTER_MS, 1))).toEqual(["Monitor"]);
  ask(silent, "chat.history", { sessionKey: KEYS[0] });
  expect(scope.connections.look(9 * SILENT_AFTER_MS)).toEqual([]);
  expect(scope.connections.rows(9 * SILENT_AFTER_MS, 9).map((each) => each.silent)).toEqual([false, false]);
});

test("what a client calls itself is bounded in the status, and what has another type is left out", () => {
  const { connect, scope } = scopedGateway(perConnection);
  const client = { id: "x".repeat(1_000_000), mode: 7, displayName: { a: 1 }, version: "" };
  connect("c", [], { client, userAgent: null } as never);
  const [row] = scope.connections.rows(0, 9);
  expect(row).toMatchObject({ id: "x".repeat(256), role: "operator" });
  expect(Object.keys(row!)).not.toContain("displayName");
});

function named(...kinds: readonly Partial<ConnectionStatus>[]) {
  const lines: string[] = [];
  const failures: string[] = [];
  let rows = kinds as readonly ConnectionStatus[];
  const clients = new SilentClients({
    look: () => rows,
    say: (line) => void lines.push(line),
    failed: () => void failures.push("failed"),
  });
  return { clients, lines, failures, see: (now: typeof kinds) => (rows = now as readonly ConnectionStatus[]) };
}

test("a silent kind of client is named once in the log, whatever its number and version", () => {
  const { clients, lines, see } = named(
    { id: "cli", mode: "cli", displayName: "M", version: "1", withheld: 4, observe: { displayName: "M" } },
    { id: "cli", mode: "cli", displayName: "M", version: "2", withheld: 9 },
  );
  clients.look(0);
  clients.look(1);
  expect(lines).toEqual([
    'client "M" (cli/cli 1) only listens: 4 events of sessions were withheld from it because it claims no session. To let it receive them, have it ask for its sessions (sessions.messages.subscribe, chat.history), or add this entry to the settings (docs/clients.md), under observers: {"displayName":"M"}',
  ]);
  see([{ id: "cli", mode: "cli", displayName: "N", withheld: 1 }]);
  clients.look(2);
  expect(lines).toHaveLength(2);
});

test("the log ends naming silent clients after a number of kinds, and says so", () => {
  const { clients, lines } = named(
    ...Array.from({ length: 1_000 }, (_, n) => ({ id: "c", mode: "m", displayName: `n${n}`, withheld: 1 })),
  );
  clients.look(0);
  clients.look(1);
  expect(lines).toHaveLength(33);
  expect(lines.at(-1)).toMatch(/^the log names no further kinds/);
});

test("a failure in looking for silent clients is counted and goes no further", () => {
  const { clients, failures, see } = named();
  see([undefined as never]);
  expect(() => clients.look(0)).not.toThrow();
  expect(failures).toEqual(["failed"]);
});
