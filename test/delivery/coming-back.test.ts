/** Clients that lose their connection: the order in which the gateway notices, and how often it happens. */
import { setImmediate as turn } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { WAIT_ACCEPTED_MS } from "../../src/delivery/claim-requests.ts";
import { Returning } from "../../src/delivery/returning.ts";
import { parseSettings } from "../../src/policy/settings.ts";
import { clientIdentity } from "../../src/gateway/client-identity.ts";
import { got, type Scoped, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:a";
const B = "agent:main:b";
const STARTED = { ok: true, payload: { runId: "r", status: "started" } };

interface World extends Scoped {
  /** A connection of an editor; of a window of its own with an `instanceId`, and without a device for "". */
  editor(connId: string, instanceId?: string, device?: string): FakeClient;
  say(n: unknown, sessionKey?: string, runId?: string): void;
}

function world(): World {
  const returning = new Returning(
    (client) => clientIdentity(client, () => ({})),
    () => {},
  );
  const gateway = scopedGateway(perConnection, { returning });
  return {
    ...gateway,
    editor: (connId, instanceId, device = "laptop") =>
      gateway.connect(connId, ["operator.write"], {
        ...(device && { device: { id: device } }),
        client: { id: "cli", mode: "cli", ...(instanceId !== undefined && { instanceId }) },
      }),
    say: (n, sessionKey = A, runId = "r") =>
      gateway.broadcaster.broadcast("chat", { n, sessionKey, runId, state: "delta" }),
  };
}

test("the run of a message that is handled after its connection has closed waits for its client", () => {
  const { editor, disconnect, accepted, ask, say } = world();
  const first = editor("first");
  accepted(first, "chat.history", { sessionKey: B });
  disconnect(first);
  const second = editor("second");
  ask(first, "chat.send", { sessionKey: A }).answered(STARTED);
  say(1);
  expect(got(second)).toEqual([1]);
});

test("without a device that run goes to whoever waits for it, also if the wait came first", () => {
  const { editor, disconnect, ask, say } = world();
  const first = editor("first", undefined, "");
  disconnect(first);
  const second = editor("second", undefined, "");
  const wait = ask(second, "agent.wait", { runId: "r" });
  ask(first, "chat.send", { sessionKey: A }).answered(STARTED);
  wait.answered({ ok: true, payload: { status: "timeout" } });
  say(1);
  expect(got(second)).toEqual([1]);
});

test("whoever waits for a run has it once the gateway notices that its starter has gone", async () => {
  const { editor, disconnect, ask, say } = world();
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const first = editor("first", undefined, "");
  ask(first, "chat.send", { sessionKey: A }).answered(STARTED);
  const second = editor("second", undefined, "");
  ask(second, "agent.wait", { runId: "r" });
  say(1);
  vi.advanceTimersByTime(WAIT_ACCEPTED_MS);
  say(2);
  disconnect(first);
  say(3);
  vi.useRealTimers();
  expect(got(second)).toEqual([3]);
});

test.each([
  ["handled before it broke", false],
  ["handled after that", true],
])(
  "a client that is back before the answer to its message, %s, gets the run from then on, and nobody else",
  (_, late) => {
    const { editor, disconnect, accepted, ask, say, scope } = world();
    const first = editor("first");
    accepted(first, "chat.history", { sessionKey: B });
    const send = (): ReturnType<typeof ask> => ask(first, "chat.send", { sessionKey: A });
    let request = late ? undefined : send();
    const bystander = editor("bystander", undefined, "desk");
    say("for the lost connection");
    disconnect(first);
    request ??= send();
    say("for nobody");
    const second = editor("second");
    say(1);
    say("of another run", A, "other");
    say("of no run", A, "");
    disconnect(second);
    say("for nobody");
    const third = editor("third");
    const window = editor("window");
    say(2);
    expect(scope.status().held).toBe(1);
    request.answered(STARTED);
    say(3);
    expect([second, third, window, bystander].map(got)).toEqual([[], [2, 3], [], []]);
    expect(scope.status()).toMatchObject({ held: 0, claims: 1 });
  },
);

test("a client that left the session, or named none, before it was cut has its run all the same", () => {
  for (const params of [{ sessionKey: A }, {}]) {
    const { editor, disconnect, accepted, ask, say } = world();
    const first = editor("first");
    const method = "sessionKey" in params ? "chat.send" : "sessions.create";
    const request = ask(first, method, { ...params, message: "hi" });
    accepted(first, "sessions.messages.unsubscribe", { key: A });
    disconnect(first);
    const second = editor("second");
    say(1);
    request.answered({ ok: true, payload: { runId: "r", status: "started", key: A } });
    say(2);
    expect(got(second)).toEqual([1, 2]);
  }
});

test("a message that is refused or never answered brings a client that is back nothing", () => {
  for (const settle of ["refused", "failed"] as const) {
    for (const late of [false, true]) {
      const { editor, disconnect, accepted, ask, say, scope } = world();
      const first = editor("first");
      accepted(first, "chat.history", { sessionKey: B });
      let request = late ? undefined : ask(first, "chat.send", { sessionKey: A });
      disconnect(first);
      request ??= ask(first, "chat.send", { sessionKey: A });
      const second = editor("second");
      say(1);
      expect(scope.status().held).toBe(1);
      if (settle === "failed") request.failed();
      else request.answered({ ok: false, error: { code: "INVALID_REQUEST", message: "no" } });
      say(2);
      expect(got(second)).toEqual([]);
      expect(scope.status().held).toBe(0);
    }
  }
});

test("a client that comes back under stricter rules gets no early frame of a session that they deny", () => {
  const { editor, disconnect, accepted, ask, say, scope } = world();
  const first = editor("first");
  accepted(first, "chat.history", { sessionKey: B });
  const request = ask(first, "chat.send", { sessionKey: A });
  disconnect(first);
  scope.access.update(parseSettings({ access: [{ sessions: [B] }] }));
  const second = editor("second");
  say(1);
  expect(scope.status().held).toBe(0);
  request.answered(STARTED);
  say(2);
  expect(got(second)).toEqual([]);
});

test("what answers bring to a connection that has closed survives a second cut, and so does what it gave up", () => {
  const { editor, disconnect, accepted, ask, say } = world();
  const first = editor("first");
  accepted(first, "chat.history", { sessionKey: B });
  const request = ask(first, "chat.send", { sessionKey: A });
  disconnect(first);
  disconnect(editor("second"));
  request.answered(STARTED);
  accepted(first, "sessions.messages.unsubscribe", { key: B });
  const third = editor("third");
  say(1);
  say(2, B, "other");
  expect(got(third)).toEqual([1]);
});

test("a late answer to a closed connection brings its client no later frame of the run before an earlier one", () => {
  const { editor, disconnect, ask, say } = world();
  const first = editor("first");
  const message = ask(first, "chat.send", { sessionKey: A });
  disconnect(first);
  const second = editor("second");
  // The client sends its message again.
  const again = ask(second, "chat.send", { sessionKey: A });
  say(1);
  message.answered(STARTED);
  say(2);
  again.answered({ ok: true, payload: { runId: "r", status: "in_flight" } });
  expect(got(second)).toEqual([1, 2]);
});

test("a claim that comes back during the deletion of its session ends with it", async () => {
  const { editor, disconnect, accepted, ask, say } = world();
  const first = editor("first");
  accepted(first, "chat.history", { sessionKey: A });
  disconnect(first);
  const deletion = ask(editor("admin", undefined, "desk"), "sessions.delete", { key: A });
  const second = editor("second");
  say(1);
  deletion.answered({ ok: true, payload: {} });
  await turn();
  say(2);
  expect(got(second)).toEqual([1]);
});

test("two windows of a program that were cut are told apart by their instance, or get nothing", () => {
  const after = (instances: readonly [string?, string?]): unknown[] => {
    const { editor, disconnect, accepted, say } = world();
    const windows = [editor("one", instances[0]), editor("two", instances[1])];
    accepted(windows[0]!, "chat.history", { sessionKey: A });
    accepted(windows[1]!, "chat.history", { sessionKey: B });
    for (const each of windows) disconnect(each);
    const back = [editor("one again", instances[0]), editor("two again", instances[1])];
    say("a", A);
    say("b", B);
    return back.map(got);
  };
  expect(after(["1", "2"])).toEqual([["a"], ["b"]]);
  expect(after([])).toEqual([[], []]);
});

test("a client that is back before the gateway notices its loss gets its claims then, if it names its instance", () => {
  const after = (instance?: string): unknown[] => {
    const { editor, disconnect, accepted, say, scope } = world();
    const first = editor("first", instance);
    accepted(first, "chat.history", { sessionKey: A });
    const second = editor("second", instance);
    say(1);
    disconnect(first);
    say(2);
    disconnect(second);
    expect(scope.status()).toMatchObject({ connections: 0, claims: 0 });
    return got(second);
  };
  expect(after("1")).toEqual([2]);
  // It may be another window.
  expect(after()).toEqual([]);
});

test("a socket that connects twice is one connection, and leaves nothing", () => {
  const { editor, disconnect, accepted, say, scope } = world();
  const [first, second] = [editor("same", undefined, ""), editor("same", undefined, "")];
  accepted(second, "chat.history", { sessionKey: A });
  say(1);
  expect([got(first), got(second)]).toEqual([[], [1]]);
  disconnect(second);
  expect(scope.status()).toMatchObject({ connections: 0, claims: 0 });
});
