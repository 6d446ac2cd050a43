/**
 * Random sequences of requests, answers, events and changes of the rules on the real composition:
 * whatever a connection asks for, it never gets a frame of a session that the rules of that moment
 * deny it. Claims are begun past the guard too: the index itself must not hold a denied one.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { GatewayClient } from "../../src/gateway/types.ts";
import type { Passage } from "../../src/delivery/requests.ts";
import { accessWarnings } from "../../src/policy/access.ts";
import { parseSettings } from "../../src/policy/settings.ts";
import { scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, fakeClient, perConnection } from "../support/stand-in/stand-ins.ts";

const KEYS = ["agent:main:main", "agent:main:a", "agent:main:b", "global"];
const DEVICES = ["d0", "d1", "d2"].map((start) => start.padEnd(64, "0"));

/** Keys that each device may use; undefined for all, and "no rules" as a whole. */
type Rules = readonly (readonly string[] | undefined)[] | undefined;

const key = fc.constantFrom(...KEYS);
const slot = fc.nat(DEVICES.length - 1);
const rules: fc.Arbitrary<Rules> = fc.option(
  fc.array(fc.option(fc.uniqueArray(key), { nil: undefined, freq: 4 }), { minLength: 3, maxLength: 3 }),
  { nil: undefined, freq: 6 },
);

type Command =
  | {
      readonly do: "ask";
      readonly slot: number;
      readonly key: string;
      readonly guarded: boolean;
      readonly early: boolean;
    }
  | { readonly do: "roster"; readonly slot: number }
  | { readonly do: "answer"; readonly back: number; readonly ok: boolean; readonly extra: string }
  | { readonly do: "emit"; readonly event: string; readonly key: string }
  | { readonly do: "rules"; readonly rules: Rules; readonly observers: readonly string[] };

const observers = fc.subarray(DEVICES);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("ask" as const), slot, key, guarded: fc.boolean(), early: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("roster" as const), slot }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("answer" as const), back: fc.nat(3), ok: fc.boolean(), extra: key }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("emit" as const),
      event: fc.constantFrom("chat", "sessions.changed", "made.up", "heartbeat"),
      key,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rules" as const), rules, observers }) },
);

function settingsOf(wanted: Rules, observing: readonly string[]) {
  const access = wanted?.map((sessions, index) => ({
    match: { deviceId: DEVICES[index] },
    sessions: sessions ?? ["*"],
  }));
  return parseSettings({ access: access ?? [], observers: observing.map((deviceId) => ({ deviceId })) });
}

const reached = { delivered: 0, late: 0, denied: 0, withheld: 0 };

test("no connection receives a frame of a session that the rules deny it", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(rules, observers, fc.array(command, { minLength: 5, maxLength: 40 }), (first, observing, sequence) => {
      let inForce = first;
      const { scope, clients, broadcaster } = scopedGateway(perConnection, { settings: settingsOf(first, observing) });
      const connected = DEVICES.map((id): FakeClient => {
        const client = fakeClient(id, { role: "operator", device: { id } });
        clients.add(client);
        return client;
      });
      const open: Passage[] = [];
      const allows = (index: number, session: string): boolean =>
        inForce === undefined || inForce[index] === undefined || inForce[index].includes(session);
      connected.forEach((client, index) => {
        client.onFrame = ({ event, payload }) => {
          const session = (payload as { sessionKey?: string }).sessionKey;
          if (event === "heartbeat" && session === undefined) return; // its status alone is for everybody
          reached.delivered += 1;
          if (!allows(index, session!)) throw new Error(`${DEVICES[index]} got ${event} of ${session}`);
        };
      });
      const begin = (client: GatewayClient, method: string, params: object): void => {
        const intent =
          method === "sessions.subscribe"
            ? ({ kind: "roster", wanted: true } as const)
            : ({
                kind: "claim",
                keys: Object.values(params),
                explicit: true,
                answer: "chosen",
                startsRun: false,
              } as const);
        const request = scope.requests.begin(client, intent, scope.requests.keysOf(intent));
        if (request && !("refuse" in request)) open.push(request);
      };
      for (const step of sequence) {
        const before = reached.delivered;
        if (step.do === "rules") {
          inForce = step.rules;
          scope.access.update(settingsOf(step.rules, step.observers));
        } else if (step.do === "emit") {
          broadcaster.broadcast(step.event, { sessionKey: step.key, key: step.key, preview: "x" });
          const want = connected.filter((_, index) => !allows(index, step.key)).length;
          reached.withheld += want;
        } else if (step.do === "answer") {
          open.at(-1 - step.back)?.answered?.({ ok: step.ok, payload: { key: step.extra } });
          reached.late += reached.delivered - before;
        } else if (step.do === "roster") {
          begin(connected[step.slot]!, "sessions.subscribe", {});
        } else {
          const client = connected[step.slot]!;
          const params = { sessionKey: step.key };
          const admission = scope.access.admit(client, "chat.history", params);
          const refused = admission !== undefined && "refuse" in admission;
          if (refused === allows(step.slot, step.key))
            throw new Error(`chat.history of ${step.key}: refused ${refused}`);
          if (refused) reached.denied += 1;
          if (!refused || !step.guarded) begin(client, "chat.history", params);
          // A run's first frame often comes before the answer.
          if (step.early) broadcaster.broadcast("chat", { sessionKey: step.key });
        }
      }
      for (const client of connected) clients.delete(client);
      const { events: _, runs: _runs, ...sizes } = scope.status();
      expect(sizes).toEqual({ connections: 0, claims: 0, sessions: 0, roster: 0, observers: 0, held: 0, resumable: 0 });
      expect(Object.values(scope.status().events).reduce((sum, each) => sum + (each.error ?? 0), 0)).toBe(0);
    }),
    { numRuns: 4_000 },
  );
  expect(accessWarnings(settingsOf([[], [], []], []).access)).toEqual([]);
  expect(Object.entries(reached).filter(([, times]) => times < 200)).toEqual([]);
});
