/** The frames of a run that come before the answer that names it, or from a sub-agent: they are its starter's. */
import { describe, expect, test } from "vitest";
import { got, type Scoped, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:a";
const NEW = "agent:main:dashboard:new";
const CHILD = "agent:main:subagent:child";
const started = (runId: string, more: object = {}) => ({ ok: true, payload: { runId, status: "started", ...more } });
const refused = { ok: false, error: { code: "INVALID_REQUEST", message: "no" } } as const;

interface World extends Scoped {
  readonly client: FakeClient;
  readonly bystander: FakeClient;
  say(n: unknown, sessionKey: string, runId?: string, more?: object): void;
}

function world(settings: object = {}): World {
  const gateway = scopedGateway(perConnection, { settings });
  const [client, bystander] = ["client", "bystander"].map((id) => gateway.connect(id, [], { client: { id } }));
  const say: World["say"] = (n, sessionKey, runId, more = {}) =>
    gateway.broadcaster.broadcast("chat", { n, sessionKey, runId, state: "delta", ...more });
  return { ...gateway, client: client!, bystander: bystander!, say };
}

describe("a session that its client leaves before the gateway answers its message", () => {
  test.each([A, "a"])("an unsubscribe of %j: the frames of the run come once, in order", (key) => {
    const { client, bystander, ask, accepted, say, scope } = world();
    const message = ask(client, "chat.send", { sessionKey: A });
    say(1, A, "r");
    accepted(client, "sessions.messages.unsubscribe", { key });
    say(2, A, "r");
    say("of another run", A, "other");
    say("of no run", A);
    message.answered(started("r"));
    say(3, A, "r");
    say("later, of another run", A, "other");
    expect(got(client)).toEqual([1, 2, 3]);
    expect(got(bystander)).toEqual([]);
    expect(scope.status()).toMatchObject({ claims: 0, held: 0 });
  });

  test.each(["chat.send", "sessions.send", "sessions.steer", "agent", "sessions.create"])(
    "%s starts such a run",
    (method) => {
      const { client, ask, accepted, say } = world();
      const message = ask(client, method, { sessionKey: A, key: A });
      accepted(client, "sessions.messages.unsubscribe", { key: A });
      say(1, A, "r");
      message.answered(started("r"));
      expect(got(client)).toEqual([1]);
    },
  );

  test("a message that the gateway refuses, or never answers, brings nothing", () => {
    for (const settle of ["answered", "failed"] as const) {
      const { client, ask, accepted, say, scope } = world();
      const message = ask(client, "chat.send", { sessionKey: A });
      accepted(client, "sessions.messages.unsubscribe", { key: A });
      say(1, A, "r");
      if (settle === "failed") message.failed();
      else message.answered(refused);
      say(2, A, "r");
      expect(got(client)).toEqual([]);
      expect(scope.status().held).toBe(0);
    }
  });

  test("the deletion of the session takes no frame of the run either", async () => {
    const { client, ask, accepted, say } = world();
    const message = ask(client, "chat.send", { sessionKey: A });
    accepted(client, "sessions.delete", { key: A });
    await new Promise(setImmediate);
    say(1, A, "r");
    message.answered(started("r"));
    expect(got(client)).toEqual([1]);
  });

  test("a request that only reads the session holds nothing once it is left", () => {
    const { client, ask, accepted, say, scope } = world();
    const reading = ask(client, "chat.history", { sessionKey: A });
    accepted(client, "sessions.messages.unsubscribe", { key: A });
    say(1, A, "r");
    expect(scope.status().held).toBe(0);
    reading.answered({ ok: true, payload: {} });
    expect(got(client)).toEqual([]);
  });
});

describe("a session whose key the gateway chooses", () => {
  const answer = started("r", { key: NEW });

  test("the frames that come before the answer reach its creator, in order, and nobody else", () => {
    const { client, bystander, ask, say, scope } = world();
    const creation = ask(client, "sessions.create", { message: "hi" });
    const other = ask(bystander, "sessions.create", { message: "hi" });
    say(1, NEW, "r");
    say("of another session", A, "other");
    say(2, NEW, "r");
    expect([got(client), got(bystander)]).toEqual([[], []]);
    creation.answered(answer);
    say(3, NEW, "r");
    expect(got(client)).toEqual([1, 2, 3]);
    other.answered(started("s", { key: "agent:main:dashboard:other" }));
    expect(got(bystander)).toEqual([]);
    expect(scope.status().held).toBe(0);
  });

  test("they reach it also if another connection claims the new session first", () => {
    const { client, bystander, ask, accepted, say } = world();
    const creation = ask(client, "sessions.create", { message: "hi" });
    accepted(bystander, "chat.history", { sessionKey: NEW });
    say(1, NEW, "r");
    creation.answered(answer);
    expect([got(client), got(bystander)]).toEqual([[1], [1]]);
  });

  test.each([
    ["refuses", refused],
    ["answers without a key", { ok: true, payload: {} }],
    ["answers with the key of another session", started("s", { key: A })],
  ])("a creation that the gateway %s brings nothing", (_, given) => {
    const { client, ask, say, scope } = world();
    const creation = ask(client, "sessions.create", { message: "hi" });
    say(1, NEW, "r");
    creation.answered(given);
    say(2, NEW, "r");
    expect(got(client)).toEqual([]);
    expect(scope.status().held).toBe(0);
  });

  test("an answer that the module fails to read brings nothing, and holds nothing any longer", () => {
    let broken = false;
    const config = {
      get session(): object {
        if (broken) throw new Error("unreadable");
        return {};
      },
    };
    const { connect, ask, broadcaster, scope } = scopedGateway(perConnection, { config: () => config });
    const client = connect("client");
    const creation = ask(client, "sessions.create", { message: "hi" });
    const say = (n: number) => broadcaster.broadcast("chat", { n, sessionKey: A, runId: "other", state: "delta" });
    say(1);
    broken = true;
    creation.answered(answer);
    say(2);
    expect(got(client)).toEqual([]);
    expect(scope.status()).toMatchObject({ claims: 0, held: 0 });
  });

  test("the frames of another connection's run are not held", () => {
    const { client, bystander, ask, say, scope } = world();
    ask(bystander, "chat.send", { sessionKey: A }).answered(started("theirs"));
    ask(client, "sessions.create", { message: "hi" });
    say(1, A, "theirs");
    expect(scope.status().held).toBe(0);
  });

  test("under access rules nothing of a denied session is held", () => {
    const { client, ask, say, scope } = world({ access: [{ match: { clientId: "client" }, sessions: [A] }] });
    ask(client, "sessions.create", { message: "hi" });
    say(1, NEW, "r");
    expect(scope.status().held).toBe(0);
  });

  test("what is held is bounded, and goes with the connection", () => {
    const { client, ask, say, scope, disconnect } = world({ limits: { heldFramesPerConnection: 2 } });
    const creation = ask(client, "sessions.create", { message: "hi" });
    for (const n of [1, 2, 3]) say(n, NEW, "r");
    expect(scope.status().held).toBe(2);
    disconnect(client);
    say(4, NEW, "r");
    expect(scope.status().held).toBe(0);
    creation.answered(answer);
    expect(got(client)).toEqual([]);
  });
});

describe("a sub-agent of a session that its client has left", () => {
  const child = { spawnedBy: A };

  test.each(["session", "run"])(
    'its frames go on to the connection whose run on the parent goes on, with scope "%s"',
    (scope) => {
      const { client, bystander, ask, accepted, say } = world({ scope });
      ask(client, "chat.send", { sessionKey: A }).answered(started("r"));
      accepted(client, "sessions.messages.unsubscribe", { key: A });
      say(1, CHILD, "child run", child);
      say("of a stranger's child", CHILD, "another", { spawnedBy: NEW });
      expect(got(client)).toEqual([1]);
      expect(got(bystander)).toEqual([]);
    },
  );

  test("they are held until the gateway answers the message", () => {
    const { client, ask, accepted, say } = world();
    const message = ask(client, "chat.send", { sessionKey: A });
    accepted(client, "sessions.messages.unsubscribe", { key: A });
    say(1, CHILD, "child run", child);
    message.answered(started("r"));
    say(2, CHILD, "child run", child);
    expect(got(client)).toEqual([1, 2]);
  });

  test("the access rules apply to the sub-agent's own session", () => {
    const { client, ask, accepted, say } = world({ access: [{ match: { clientId: "client" }, sessions: [A] }] });
    ask(client, "chat.send", { sessionKey: A }).answered(started("r"));
    accepted(client, "sessions.messages.unsubscribe", { key: A });
    say(1, CHILD, "child run", child);
    expect(got(client)).toEqual([]);
  });
});
