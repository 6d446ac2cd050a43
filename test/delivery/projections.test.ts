/** What the gateway builds for each receiver: without what that receiver may not know. */
import { expect, test, vi } from "vitest";
import { filteredProjections, withoutSessions } from "../../src/delivery/projections.ts";
import type { GatewayClient } from "../../src/gateway/types.ts";
import { FakeClients } from "../support/stand-in/stand-ins.ts";

const CHILD = "agent:main:c";
const PARENT = "agent:main:p";
const client: GatewayClient = { connId: "c", connect: {} };
const canonical = (key: unknown): string | undefined => (typeof key === "string" ? key : undefined);
const FREE = { mayKnow: () => true, anyRules: () => false, rules: () => undefined, canonical };

/** A release that adds the rows of the sessions above, as 2026.9 does. */
function projected(mayKnow: (key: unknown) => boolean, projection: unknown = undefined, source = {}): unknown {
  const failed = vi.fn();
  const params = {
    clients: new FakeClients() as never,
    prepareSessionEventProjection: () => () =>
      projection ?? {
        sessionKey: CHILD,
        message: "own words",
        session: { key: CHILD, parentSessionKey: PARENT },
        ancestorSessions: [{ key: PARENT, lastMessagePreview: "SECRET" }],
      },
  };
  const { prepareSessionEventProjection: prepare } = filteredProjections(params, {
    rows: { ...FREE, mayKnow: (_, key) => mayKnow(key) },
    failed,
  });
  const result = (prepare!("session.message", source) as (to: GatewayClient) => unknown)(client);
  return failed.mock.calls.length > 0 ? "failed" : result;
}

test("a client that follows only the child learns nothing of its parent", () => {
  expect(projected((key) => key === CHILD)).toEqual({
    sessionKey: CHILD,
    message: "own words",
    session: { key: CHILD },
    ancestorSessions: [],
  });
});

test("a client that follows both gets what the gateway made for it", () => {
  expect(projected(() => true)).toMatchObject({ ancestorSessions: [{ key: PARENT, lastMessagePreview: "SECRET" }] });
});

test("a message stays whole, whatever sessions its tools name", () => {
  const message = {
    content: [{ type: "toolCall", name: "sessions_send", arguments: { sessionKey: PARENT, message: "hello" } }],
    provenance: { kind: "inter_session", sourceSessionKey: PARENT },
    senderSession: { sessionKey: PARENT },
  };
  const frame = { sessionKey: CHILD, message, session: { key: CHILD, parentSessionKey: PARENT } };
  expect(projected((key) => key === CHILD, frame)).toEqual({ sessionKey: CHILD, message, session: { key: CHILD } });
});

test("an event keeps the key and the row of its own session, also for who gets it by its parent or its run", () => {
  const frame = { sessionKey: CHILD, message: "own", session: { key: CHILD }, ancestorSessions: [{ key: PARENT }] };
  const only = { ...frame, ancestorSessions: [] };
  expect(projected(() => false, frame, { sessionKey: CHILD })).toEqual(only);
});

test("a projection that cannot be looked through goes to nobody, and is counted", () => {
  const broken = {
    get ancestorSessions(): never {
      throw new Error("upstream's");
    },
  };
  expect(projected(() => true, broken)).toBe("failed");
});

test("a row of which the release makes no version is sent as it is, without denied keys to a client under rules", () => {
  const free: GatewayClient = { connId: "f", connect: {} };
  const rows = {
    ...FREE,
    anyRules: () => true,
    rules: (to: GatewayClient) => (to === client ? { allows: (key: string) => key === CHILD } : undefined),
  };
  const gate = { rows, failed: () => {} };
  const params = { clients: new FakeClients() as never, prepareSessionEventProjection: () => undefined };
  const prepare = filteredProjections(params, gate).prepareSessionEventProjection!;
  const row = { sessionKey: CHILD, reason: "delete", parentSessionKey: PARENT };
  const project = prepare("sessions.changed", row) as (to: GatewayClient) => unknown;
  expect(project(free)).toBe(row);
  expect(project(client)).toEqual({ sessionKey: CHILD, reason: "delete" });
  expect(prepare("chat", row)).toBeUndefined();
  expect(
    filteredProjections(params, { ...gate, rows: { ...rows, anyRules: () => false } }).prepareSessionEventProjection!(
      "sessions.changed",
      row,
    ),
  ).toBeUndefined();
});

test("a release without projections gets none", () => {
  const gate = { rows: FREE, failed: () => {} };
  expect(filteredProjections({ clients: new FakeClients() as never }, gate)).toEqual({});
});

test("hello's snapshot names no session, in what is put into it later neither", () => {
  const build = withoutSessions(
    () => ({
      presence: [{ host: "a", watchedSessions: [PARENT], text: "SECRET" }],
      health: {},
      stateVersion: { health: 0 },
    }),
    () => {},
  );
  const snapshot = build() as { health: unknown };
  snapshot.health = { ok: true, sessions: { recent: [{ key: PARENT }] } };
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual({
    presence: [{ host: "a" }],
    health: { ok: true, sessions: { recent: [] } },
    stateVersion: { health: 0 },
  });
});

test("a snapshot that cannot be looked through is empty there, and the gateway's own failures stay its own", () => {
  const failed = vi.fn();
  const health = {
    get sessions(): never {
      throw new Error("upstream's");
    },
  };
  expect(withoutSessions(() => ({ health }), failed)()).toEqual({ health: {} });
  expect(failed).toHaveBeenCalledOnce();
  expect(() =>
    withoutSessions(() => {
      throw new Error("upstream's own");
    }, failed)(),
  ).toThrow("upstream's own");
});
