/** Words of a run in series: what was decided on one holds for the next only if that has the same sessions and agent. */
import { describe, expect, test } from "vitest";
import { Returning } from "../../src/delivery/returning.ts";
import { clientIdentity } from "../../src/gateway/client-identity.ts";
import { eventsOf, got, type Scoped, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:a";
const B = "agent:main:b";

interface Running extends Scoped {
  readonly owner: FakeClient;
  word(n: unknown, more?: object, opts?: object): void;
}

/** A run that its owner has started in a session, and that has begun. */
function running(key: string, options: Parameters<typeof scopedGateway>[1] = {}): Running {
  const gateway = scopedGateway(perConnection, options);
  const owner = gateway.connect("owner", ["operator.write"], { client: { id: "owner" } });
  const message = gateway.ask(owner, "chat.send", { sessionKey: key });
  message.answered({ ok: true, payload: { runId: "r", status: "started" } });
  const begins = { sessionKey: key, runId: "r", stream: "lifecycle", data: { phase: "start" } };
  gateway.broadcaster.broadcast("agent", begins);
  owner.frames.length = 0;
  const word: Running["word"] = (n, more = {}, opts) =>
    gateway.broadcaster.broadcast("chat", { n, sessionKey: key, runId: "r", state: "delta", ...more }, opts);
  return { ...gateway, owner, word };
}

test("a word that names another agent, or whose options do, is of another session", () => {
  const { owner, word } = running("main");
  word(1);
  word(2, { agentId: "ops" });
  word(3);
  word(4, {}, { agentId: "ops" });
  word(5);
  expect(got(owner)).toEqual([1, 3, 5]);
});

test("a word whose options name another session is of that session", () => {
  const { owner, word } = running(A);
  word(1, {}, { sessionKeys: [A] });
  word(2, {}, { sessionKeys: [B] });
  word(3, {}, { sessionKeys: [A] });
  expect(got(owner)).toEqual([1, 3]);
});

test("after a reload by which a key means another session, words go by the new meaning", () => {
  let config: object = {};
  const { owner, word, ask, connect } = running("main", { config: () => config });
  const other = connect("other");
  word(1);
  config = { session: { scope: "global" } };
  // Any request reads the configuration; this one changes no claim.
  ask(other, "agent.wait", { runId: "nothing" });
  word(2);
  expect(got(owner)).toEqual([1]);
});

test("under access rules, a word that names other sessions comes without them", () => {
  const access = [
    { match: { clientId: "bob" }, sessions: [A] },
    { match: { clientId: "owner" }, sessions: ["agent:*"] },
  ];
  const { connect, accepted, word, owner } = running(A, { settings: { access } });
  const bob = connect("bob", ["operator.write"], { client: { id: "bob" } });
  accepted(bob, "chat.history", { sessionKey: A });
  word(1);
  word(2, { parentSessionKey: B });
  expect(JSON.stringify(bob.frames)).not.toContain(B);
  expect(JSON.stringify(owner.frames)).toContain(B);
});

test("words of a known run are held for the new connection of a client whose message is handled late", () => {
  const returning = new Returning(
    (client) => clientIdentity(client, () => ({})),
    () => {},
  );
  const { connect, disconnect, accepted, ask, word } = running(A, { returning });
  const laptop = (id: string): FakeClient =>
    connect(id, ["operator.write"], { device: { id: "laptop" }, client: { id: "cli", mode: "cli" } });
  const first = laptop("first");
  accepted(first, "chat.history", { sessionKey: B });
  disconnect(first);
  const second = laptop("second");
  word(1);
  const late = ask(first, "chat.send", { sessionKey: A });
  word(2);
  late.answered({ ok: true, payload: { runId: "r", status: "in_flight" } });
  word(3);
  expect(got(second)).toEqual([2, 3]);
});

describe("shapes that no release sends, after a word", () => {
  test("a list with the members of a word goes to nobody", () => {
    const { owner, word, broadcaster } = running(A);
    word(1);
    broadcaster.broadcast("chat", Object.assign([2], { sessionKey: A, runId: "r", state: "delta" }));
    expect(got(owner)).toEqual([1]);
  });

  test("options that are a list name no session", () => {
    const { owner, word } = running(A);
    const elsewhere = { sessionKey: B };
    word(1, elsewhere, { sessionKeys: [A] });
    word(2, elsewhere, Object.assign([], { sessionKeys: [A] }));
    expect(got(owner)).toEqual([1]);
  });

  test("an open event is not read", () => {
    const { owner, word, broadcaster } = running(A);
    word(1);
    const unreadable = Object.defineProperty({}, "runId", {
      get: () => {
        throw new Error("unreadable");
      },
    });
    broadcaster.broadcast("tick", unreadable);
    expect(eventsOf(owner)).toEqual(["chat", "tick"]);
  });
});
