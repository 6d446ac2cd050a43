/** Any function of ours may fail at any time: nothing gets through to the gateway or to the wrong connection. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { got, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, global, perConnection } from "../support/stand-in/stand-ins.ts";
import { claimsStep, requestReader } from "../../src/delivery/request-gate.ts";
import { passSteps } from "../../src/delivery/requests.ts";
import type { Respond } from "../../src/gateway/types.ts";

/** How often calls fail, and who has. Hoisted, as the modules below ask for it when they load. */
const faults = vi.hoisted(() => {
  const state = { next: () => false, thrown: new Map<string, number>() };
  const faulty = <M extends object>(module: M, names: readonly (keyof M & string)[]): M => {
    const wrap = (name: string, original: unknown) =>
      function (this: unknown, ...args: unknown[]): unknown {
        if (state.next()) {
          state.thrown.set(name, (state.thrown.get(name) ?? 0) + 1);
          throw new Error(`fault injected into ${name}`);
        }
        return Reflect.apply(original as () => unknown, this, args);
      };
    return { ...module, ...Object.fromEntries(names.map((name) => [name, wrap(name, module[name])])) };
  };
  return { state, faulty };
});

vi.mock(import("../../src/policy/session-event.ts"), async (load) => faults.faulty(await load(), ["routeEvent"]));
vi.mock(import("../../src/policy/delivery.ts"), async (load) =>
  faults.faulty(await load(), ["recipients", "mayReceive"]),
);
vi.mock(import("../../src/policy/session-key.ts"), async (load) =>
  faults.faulty(await load(), ["usableSessionKey", "parseAgentSessionKey"]),
);
vi.mock(import("../../src/policy/access.ts"), async (load) => faults.faulty(await load(), ["accessOf"]));
vi.mock(import("../../src/policy/connection-match.ts"), async (load) => faults.faulty(await load(), ["isObserver"]));
vi.mock(import("../../src/gateway/connection-facts.ts"), async (load) =>
  faults.faulty(await load(), ["connectionFacts"]),
);

const KEYS = ["agent:main:a", "agent:main:b"];

const step = fc.oneof(
  fc.record({ act: fc.constant("connect" as const) }),
  fc.record({ act: fc.constant("disconnect" as const), who: fc.nat(3) }),
  fc.record({ act: fc.constantFrom("claim", "leave", "ask", "answer"), who: fc.nat(3), key: fc.nat(1) }),
  fc.record({ act: fc.constantFrom("ask", "send", "send", "answer"), who: fc.nat(3), key: fc.nat(1) }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A frame in the time between a request and its answer, in each run: what decides on it would else hardly be called. */
const BEGINNING: readonly Step[] = [
  { act: "connect" },
  { act: "ask", who: 0, key: 0 },
  { act: "send", who: 0, key: 0 },
  { act: "answer", who: 0, key: 0 },
];

interface Known {
  readonly client: FakeClient;
  /** What it has asked for, in vain or not. */
  readonly open: Set<string>;
  readonly answers: (() => void)[];
  /** Frames that were looked at. */
  seen: number;
}

test.each([
  ["per connection", perConnection],
  ["globally", global],
] as const)(
  "no connection receives a foreign frame while functions of the module fail, with frames numbered %s",
  (_, create) => {
    faults.state.thrown.clear();
    let refusals = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), fc.infiniteStream(fc.nat(11)), (acts, dice) => {
        faults.state.next = () => false;
        const { broadcaster, clients, connect, ask, scope } = scopedGateway(create);
        faults.state.next = () => dice.next().value === 0;
        const known: Known[] = [];
        /** The session of each frame. */
        const sent: string[] = [];
        const host = { scopeOf: () => scope, rulesMayChange: () => {} };
        /** Sends a request; returns the gateway's answer, which is still to come, or nothing if the module refused. */
        const request = (client: FakeClient, method: string, params: object): (() => void) | undefined => {
          let reached: Respond | undefined;
          let refused: unknown;
          const handle = passSteps(
            ({ respond }) => {
              reached = respond;
              return new Promise(() => {});
            },
            [claimsStep(host)],
            requestReader(host),
          );
          void handle({
            req: { method, params },
            client,
            respond: (ok, none, error) => void (refused = ok || (none ?? error)),
          });
          if (reached) return () => reached?.(true, {});
          expect(refused).toMatchObject({ code: "UNAVAILABLE", details: { reason: "isolation-failed" } });
          refusals += 1;
          return undefined;
        };
        for (const [index, each] of [...BEGINNING, ...acts].entries()) {
          if (each.act === "connect")
            known.push({ client: connect(`c${index}`), open: new Set(), answers: [], seen: 0 });
          const one = "who" in each ? known[each.who] : undefined;
          if (!one) continue;
          if (each.act === "disconnect") {
            clients.delete(one.client);
            known.splice(known.indexOf(one), 1);
          }
          if (!("key" in each)) continue;
          const key = KEYS[each.key]!;
          if (each.act === "claim" || each.act === "ask") {
            const answer = request(one.client, "chat.history", { sessionKey: key });
            const opens = (): void => {
              one.open.add(key);
              answer?.();
            };
            if (answer && each.act === "claim") opens();
            else if (answer) one.answers.push(opens);
          }
          if (each.act === "answer") one.answers.shift()?.();
          if (each.act === "leave") {
            // A later answer does not open an earlier request.
            if (request(one.client, "sessions.messages.unsubscribe", { key })) {
              one.open.delete(key);
              one.answers.length = 0;
            }
          }
          if (each.act === "send") broadcaster.broadcast("chat", { n: sent.push(key) - 1, sessionKey: key });
          for (const to of known) {
            const frames = got(to.client);
            const fresh = frames.slice(to.seen).map((n) => sent[n as number]!);
            to.seen = frames.length;
            expect(
              fresh.filter((of) => !to.open.has(of)),
              "frames of sessions that it did not ask for",
            ).toEqual([]);
          }
        }
        faults.state.next = () => false;
        // Whole again for who comes then.
        const late = connect("late");
        ask(late, "chat.history", { sessionKey: KEYS[0]! }).answered({ ok: true, payload: {} });
        broadcaster.broadcast("chat", { n: -1, sessionKey: KEYS[0]! });
        expect(got(late)).toEqual([-1]);
      }),
      { numRuns: 600 },
    );
    expect(refusals).toBeGreaterThan(0);
    expect([...faults.state.thrown.keys()].toSorted()).toEqual([
      "accessOf",
      "connectionFacts",
      "isObserver",
      "mayReceive",
      "parseAgentSessionKey",
      "recipients",
      "routeEvent",
      "usableSessionKey",
    ]);
  },
);
