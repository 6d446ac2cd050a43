import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { got, numbers, type Scoped, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, global, perConnection } from "../support/stand-in/stand-ins.ts";

const A = "agent:main:a";
const B = "agent:main:b";
const KINDS = [
  { kind: "one count for all", create: global, targetedNumbers: [undefined, undefined] },
  { kind: "a count for each", create: perConnection, targetedNumbers: [1, 2] },
];

describe.each(KINDS)("a broadcaster with $kind", ({ kind, create, targetedNumbers }) => {
  let gateway: Scoped;
  let onA: FakeClient;
  let onB: FakeClient;
  let idle: FakeClient;
  const chat = (n: number, sessionKey: string, opts?: unknown): void =>
    gateway.broadcaster.broadcast("chat", { n, sessionKey }, opts);

  beforeEach(() => {
    gateway = scopedGateway(create);
    onA = gateway.connect("a");
    onB = gateway.connect("b");
    idle = gateway.connect("idle");
    gateway.accepted(onA, "chat.history", { sessionKey: A });
    gateway.accepted(onB, "chat.history", { sessionKey: B });
  });

  test(`a session's event goes to the connections that claim the session, with ${kind}`, () => {
    chat(1, A);
    chat(2, B);
    gateway.broadcaster.broadcast("chat", { n: 3 }, { sessionKeys: [A, B] });
    expect([got(onA), got(onB), got(idle)]).toEqual([[1, 3], [2, 3], []]);
  });

  test(`an open event goes to all as it is, with ${kind}`, () => {
    const payload = { n: 1, ts: 5 };
    gateway.broadcaster.broadcast("tick", payload);
    for (const client of [onA, onB, idle]) {
      expect(client.frames).toEqual([{ type: "event", event: "tick", payload, seq: 1 }]);
    }
  });

  test(`an event without a key that is a session's by its name goes to nobody, with ${kind}`, () => {
    gateway.broadcaster.broadcast("chat", { n: 1 });
    gateway.broadcaster.broadcast("agent", { n: 1, sessionKey: 7 });
    gateway.broadcaster.broadcast("made.up", undefined, { sessionKeys: ["x\u0000"] });
    expect([onA, onB, idle].flatMap(({ frames }) => frames)).toEqual([]);
  });

  test(`each connection's frames are numbered without gaps or repeats, with ${kind}`, () => {
    for (let n = 1; n <= 4; n += 1) {
      chat(n, n % 2 === 0 ? A : B);
      gateway.broadcaster.broadcast("tick", { n });
      chat(n, "agent:main:nobody-is-here");
    }
    expect([numbers(onA), numbers(onB), numbers(idle)]).toEqual([
      [1, 2, 3, 4, 5, 6],
      [1, 2, 3, 4, 5, 6],
      [1, 2, 3, 4],
    ]);
  });

  test(`the numbers of a connection that comes later start at one, with ${kind}`, () => {
    chat(1, A);
    const late = gateway.connect("late");
    gateway.broadcaster.broadcast("tick", {});
    expect([numbers(onA), numbers(late)]).toEqual([[1, 2], [1]]);
  });

  test(`an event that upstream itself keeps from a connection leaves no gap, with ${kind}`, () => {
    const approver = gateway.connect("approver", ["operator.approvals"]);
    for (const event of [
      "tick",
      "exec.approval.requested",
      "tick",
      "exec.approval.resolved",
      "exec.approval.requested",
      "tick",
    ]) {
      gateway.broadcaster.broadcast(event, {});
    }
    expect([numbers(idle), numbers(approver)]).toEqual([
      [1, 2, 3],
      [1, 2, 3, 4, 5, 6],
    ]);
  });

  test(`a connection that went receives nothing, with ${kind}`, () => {
    gateway.clients.delete(onA);
    chat(1, A);
    gateway.broadcaster.broadcast("tick", {});
    expect(onA.frames).toEqual([]);
    expect(gateway.scope.status()).toMatchObject({ connections: 2, claims: 1 });
  });

  test(`the broadcaster survives a connection that goes while an event is sent to it, with ${kind}`, () => {
    gateway.accepted(onB, "chat.history", { sessionKey: A });
    onA.onFrame = () => void gateway.clients.delete(onA);
    chat(1, A);
    chat(2, A);
    expect([got(onA), got(onB)]).toEqual([[1], [1, 2]]);
  });

  describe("before the answer to the request that claims the session", () => {
    test(`frames before the answer come after it, all in order and with numbers that go on, with ${kind}`, () => {
      const request = gateway.ask(idle, "chat.send", { sessionKey: A });
      chat(1, A);
      gateway.broadcaster.broadcast("tick", { n: 2 });
      chat(3, A);
      chat(4, B);
      expect(got(idle)).toEqual([2]);
      request.answered({ ok: true, payload: { runId: "r" } });
      chat(5, A);
      expect([got(idle), numbers(idle)]).toEqual([
        [2, 1, 3, 5],
        [1, 2, 3, 4],
      ]);
      expect([got(onA), numbers(onA)]).toEqual([
        [1, 2, 3, 5],
        [1, 2, 3, 4],
      ]);
    });

    test.each([
      ["refused", (request: ReturnType<Scoped["ask"]>) => request.answered({ ok: false, payload: undefined })],
      ["failed", (request: ReturnType<Scoped["ask"]>) => request.failed()],
    ])(`held frames are dropped without using up a number when the request is %s, with ${kind}`, (_, end) => {
      const request = gateway.ask(idle, "chat.send", { sessionKey: A });
      chat(1, A);
      end(request);
      chat(2, A);
      gateway.broadcaster.broadcast("tick", { n: 3 });
      expect([got(idle), numbers(idle)]).toEqual([[3], [1]]);
      expect(gateway.scope.status()).toMatchObject({ held: 0 });
      expect(gateway.scope.status().events["(held)"]).toEqual({ "held-dropped": 1 });
    });

    test(`held frames are dropped when their connection goes, with ${kind}`, () => {
      const request = gateway.ask(idle, "chat.send", { sessionKey: A });
      chat(1, A);
      gateway.clients.delete(idle);
      request.answered({ ok: true, payload: {} });
      expect([idle.frames, gateway.scope.status().held]).toEqual([[], 0]);
    });

    test(`a held frame keeps what was sent, whatever upstream does to its object afterwards, with ${kind}`, () => {
      const request = gateway.ask(idle, "chat.send", { sessionKey: A });
      const payload = { n: 1, sessionKey: A, parts: ["one"] };
      gateway.broadcaster.broadcast("chat", payload);
      payload.parts.push("two");
      payload.n = 99;
      request.answered({ ok: true, payload: {} });
      expect(idle.frames[0]!.payload).toEqual({ n: 1, sessionKey: A, parts: ["one"] });
    });
  });

  describe("targeted at connections that upstream chose", () => {
    const to = (...ids: readonly string[]): ReadonlySet<string> => new Set(ids);

    test(`a targeted event reaches those of its targets that claim the session, with ${kind}`, () => {
      gateway.broadcaster.broadcastToConnIds!("session.message", { n: 1, sessionKey: A }, to("a", "b", "idle"));
      gateway.broadcaster.broadcastToConnIds!("session.message", { n: 2, sessionKey: A }, to("b", "idle"));
      expect([got(onA), got(onB), got(idle)]).toEqual([[1], [], []]);
    });

    test(`a targeted open event reaches all of its targets and nobody else, with ${kind}`, () => {
      gateway.broadcaster.broadcastToConnIds!("presence", { n: 1 }, to("a", "idle"));
      expect([got(onA), got(onB), got(idle)]).toEqual([[1], [], [1]]);
    });

    test(`a targeted event is numbered as the release numbers such frames, held ones too, with ${kind}`, () => {
      const request = gateway.ask(idle, "chat.send", { sessionKey: A });
      gateway.broadcaster.broadcastToConnIds!("session.message", { n: 1, sessionKey: A }, to("a", "idle"));
      gateway.broadcaster.broadcastToConnIds!("session.message", { n: 2, sessionKey: A }, to("a"));
      gateway.broadcaster.broadcastToConnIds!("session.message", { n: 3, sessionKey: A }, to("a", "idle"));
      expect(idle.frames).toEqual([]);
      request.answered({ ok: true, payload: {} });
      expect([got(idle), numbers(idle)]).toEqual([[1, 3], targetedNumbers]);
      expect(got(onA)).toEqual([1, 2, 3]);
    });
  });

  test(`an event on which the gate fails goes to nobody and is counted, with ${kind}`, () => {
    let broken = true;
    const failing = scopedGateway(create, {
      config: () => {
        if (broken) throw new Error("configuration is being written");
        return {};
      },
    });
    const client = failing.connect("a");
    expect(() => failing.broadcaster.broadcast("chat", { sessionKey: A })).not.toThrow();
    expect(() => failing.broadcaster.broadcastToConnIds!("chat", { sessionKey: A }, new Set(["a"]))).not.toThrow();
    expect(client.frames).toEqual([]);
    expect(failing.scope.status().events["chat"]).toEqual({ error: 2 });
    broken = false;
    failing.broadcaster.broadcast("tick", {});
    expect(numbers(client)).toEqual([1]);
  });

  test(`numbers have no gaps and frames keep their order, whoever claims what, with ${kind}`, () => {
    const step = fc.oneof(
      fc.record({ send: fc.constantFrom("chat", "tick", "agent"), key: fc.constantFrom(A, B) }),
      fc.record({ ask: fc.nat(2), key: fc.constantFrom(A, B), ok: fc.boolean() }),
      fc.record({ answer: fc.nat(3) }),
      fc.record({ leave: fc.nat(2), key: fc.constantFrom(A, B) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: "max" }), (steps) => {
        const { broadcaster, connect, ask, accepted } = scopedGateway(create);
        const clients = ["x", "y", "z"].map((id) => connect(id));
        const open: (() => void)[] = [];
        steps.forEach((each, n) => {
          if ("send" in each) broadcaster.broadcast(each.send, { n, sessionKey: each.key });
          else if ("answer" in each) open.splice(each.answer, 1)[0]?.();
          else if ("leave" in each) accepted(clients[each.leave]!, "sessions.messages.unsubscribe", { key: each.key });
          else {
            const request = ask(clients[each.ask]!, "chat.history", { sessionKey: each.key });
            open.push(() => request.answered({ ok: each.ok, payload: {} }));
          }
        });
        for (const client of clients) {
          expect(numbers(client)).toEqual(client.frames.map((_, index) => index + 1));
          for (const key of [A, B]) {
            const mine = client.frames.filter(
              ({ event, payload }) => event !== "tick" && (payload as { sessionKey: string }).sessionKey === key,
            );
            const order = mine.map(({ payload }) => (payload as { n: number }).n);
            expect(order).toEqual([...new Set(order)].toSorted((one, two) => one - two));
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
