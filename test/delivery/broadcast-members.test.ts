import { beforeEach, describe, expect, test, vi } from "vitest";
import { eventsOf, got, numbers, type Scoped, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, global, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:a";
const B = "agent:main:b";

describe("a broadcaster that also pushes to the web", () => {
  test("a broadcaster that also pushes to the web pushes once for each broadcast, whoever gets it, and never for a late frame", () => {
    const onBroadcast = vi.fn();
    const { broadcaster, connect, ask, accepted } = scopedGateway(perConnection, { params: { onBroadcast } });
    const onA = connect("a");
    const late = connect("late");
    broadcaster.broadcast("chat", { n: 1, sessionKey: A });
    accepted(onA, "chat.history", { sessionKey: A });
    broadcaster.broadcast("chat", { n: 2, sessionKey: A });
    const request = ask(late, "chat.send", { sessionKey: A });
    broadcaster.broadcast("chat", { n: 3, sessionKey: A });
    broadcaster.broadcast("tick", { n: 4 });
    broadcaster.broadcast("chat", { n: 5 });
    request.answered({ ok: true, payload: {} });
    expect(onBroadcast.mock.calls.map(([, payload]) => (payload as { n: number }).n)).toEqual([1, 2, 3, 4, 5]);
    expect([got(onA), got(late), numbers(late)]).toEqual([
      [2, 3, 4],
      [4, 3],
      [1, 2],
    ]);
    broadcaster.broadcastToConnIds!("chat", { n: 6, sessionKey: A }, new Set(["a"]));
    expect(onBroadcast).toHaveBeenCalledTimes(5);
  });
});

describe("a frame that upstream kept back", () => {
  const canReceiveSessionEvent = vi.fn<(...asked: unknown[]) => boolean>();
  let gateway: Scoped;
  let client: FakeClient;

  beforeEach(() => {
    canReceiveSessionEvent.mockReset().mockReturnValue(true);
    gateway = scopedGateway(perConnection, { params: { canReceiveSessionEvent } });
    client = gateway.connect("a");
    gateway.accepted(client, "chat.history", { sessionKey: A });
    gateway.broadcaster.broadcast("chat", { n: 1, sessionKey: A }, { liveText: true });
    expect(client.frames).toEqual([]);
  });

  test("a frame that upstream kept back is sent while the claim lives", () => {
    gateway.broadcaster.flush!();
    expect([got(client), numbers(client)]).toEqual([[1], [1]]);
  });

  test("a frame that upstream kept back is not sent once the claim has ended", () => {
    gateway.accepted(client, "sessions.messages.unsubscribe", { key: A });
    gateway.broadcaster.flush!();
    gateway.broadcaster.broadcast("tick", {});
    expect([eventsOf(client), numbers(client)]).toEqual([["tick"], [1]]);
  });

  test("a frame that upstream kept back is sent only if upstream agrees then", () => {
    canReceiveSessionEvent.mockReturnValue(false);
    gateway.broadcaster.flush!();
    gateway.broadcaster.broadcast("chat", { n: 2, sessionKey: A });
    expect(client.frames).toEqual([]);
    const [asked, , , event, payload] = canReceiveSessionEvent.mock.lastCall!;
    expect([asked, event, payload]).toEqual([client, "chat", { n: 2, sessionKey: A }]);
  });
});

describe("the broadcaster that the gateway gets", () => {
  test("the gateway's broadcaster has the members that the release's own has, and no more", () => {
    expect(Object.keys(scopedGateway(global).broadcaster).toSorted()).toEqual(["broadcast", "broadcastToConnIds"]);
    const { broadcaster } = scopedGateway(perConnection);
    expect(Object.keys(broadcaster).toSorted()).toEqual([
      "broadcast",
      "broadcastPluginEvent",
      "broadcastToConnIds",
      "flush",
      "getBufferedAmount",
    ]);
    expect(broadcaster.getBufferedAmount!()).toBe(7);
  });

  test("the gateway's broadcaster scopes a plugin's events like any other", () => {
    const { broadcaster, connect, accepted } = scopedGateway(perConnection);
    const [onA, idle] = [connect("a"), connect("idle")];
    accepted(onA, "chat.history", { sessionKey: A });
    broadcaster.broadcastPluginEvent!("plugin.note", { n: 1, sessionKey: A }, "operator");
    broadcaster.broadcastPluginEvent!("plugin.note", { n: 2 }, "operator");
    expect([got(onA), got(idle)]).toEqual([[1], []]);
  });

  test("sends a plugin's event that names no session to all when the settings say that it holds nothing of one", () => {
    const settings = { openEvents: ["plugin.note"] };
    const { broadcaster, connect } = scopedGateway(perConnection, { settings });
    const client = connect("c");
    broadcaster.broadcastPluginEvent!("plugin.note", { n: 1 }, "operator");
    broadcaster.broadcastPluginEvent!("plugin.other", { n: 2 }, "operator");
    expect(got(client)).toEqual([1]);
  });

  test("the gateway's broadcaster reads the gateway's parameters anew each time, as upstream does", () => {
    const [before, after] = [vi.fn(), vi.fn()];
    let current = before;
    const params = {
      get onBroadcast() {
        return current;
      },
    };
    const { broadcaster } = scopedGateway(perConnection, { params });
    broadcaster.broadcast("tick", {});
    current = after;
    broadcaster.broadcast("tick", {});
    expect([before.mock.calls.length, after.mock.calls.length]).toEqual([1, 1]);
  });

  test("a session's event sent while another is being sent finds its own audience", () => {
    const { broadcaster, connect, accepted } = scopedGateway(perConnection);
    const [onA, onB] = [connect("a"), connect("b")];
    accepted(onA, "chat.history", { sessionKey: A });
    accepted(onB, "chat.history", { sessionKey: B });
    onA.onFrame = ({ event }) => {
      if (event === "chat") broadcaster.broadcast("agent", { n: 2, sessionKey: B });
    };
    broadcaster.broadcast("chat", { n: 1, sessionKey: A });
    expect([got(onA), got(onB)]).toEqual([[1], [2]]);
  });

  test("a broadcaster is not built on a release whose numbers make no sense", () => {
    expect(() => scopedGateway(() => ({ broadcast: () => {} }))).toThrow("createGatewayBroadcaster numbered");
  });
});

test("an open event sent while a session's event is being sent is not narrowed to that session", () => {
  const { broadcaster, connect, accepted } = scopedGateway(perConnection);
  const [a, b] = [connect("a"), connect("b")];
  accepted(a, "chat.history", { sessionKey: A });
  a.onFrame = ({ event }) => {
    if (event === "chat") broadcaster.broadcast("presence", {});
  };
  broadcaster.broadcast("chat", { sessionKey: A });
  expect([eventsOf(a), eventsOf(b)]).toEqual([["chat", "presence"], ["presence"]]);
});

test("an open event sent by onBroadcast (web push) inside the narrowed send is not narrowed to the session", () => {
  const out: { send?: () => void } = {};
  const { broadcaster, connect } = scopedGateway(perConnection, {
    params: {
      onBroadcast: (event) => {
        if (event === "chat") out.send?.();
      },
    },
  });
  const b = connect("b");
  out.send = () => broadcaster.broadcast("health", {});
  broadcaster.broadcast("chat", { sessionKey: A });
  expect(eventsOf(b)).toEqual(["health"]);
});
