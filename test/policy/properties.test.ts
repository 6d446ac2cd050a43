/**
 * Random sequences of what can happen to a gateway, carried out on the naive oracle and on the
 * real thing: the policy put together by hand, and the composition. Both have to agree with the
 * oracle on every frame, and the invariants of the design are checked as well.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Command, commands, Script, wordSeries } from "./model/commands.ts";
import { Oracle } from "./model/oracle.ts";
import { PolicyWorld } from "./model/policy-world.ts";
import { ScopeWorld, type Turns } from "./model/scope-world.ts";
import {
  type Frame,
  LIMITS,
  RESUME_MS,
  RUNS,
  SESSIONS,
  SLOTS,
  type Sizes,
  type World,
  type WorldSettings,
} from "./model/world.ts";

const SEQUENCES = 2_500;
const NOTHING = { connections: 0, claims: 0, sessions: 0, roster: 0, observers: 0, held: 0, resumable: 0 };

const SETTINGS = (["session", "run"] as const).flatMap((scope) =>
  (["subscribers", "claimed"] as const).flatMap((roster) =>
    [false, true].map((observers) => ({ scope, roster, observers })),
  ),
);

/** Reached in all sequences of this file together: a generator that misses a bound proves nothing. */
const reached = { heldDelivered: 0, heldFull: 0, refused: 0, delivered: 0, forgotten: 0, resumed: 0, withoutClaim: 0 };

const turns: Turns = [];

beforeEach(() => {
  vi.stubGlobal("setImmediate", (run: () => void) => turns.push(run));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Invariants 1 and 4: whoever gets a frame holds, at this moment, what entitles to it. */
function isEntitled(oracle: Oracle, settings: WorldSettings, slot: number, { route }: Frame): boolean {
  if (route.to === "nobody" || !oracle.isConnected(slot)) return false;
  if (route.to === "all" || oracle.isObserver(slot)) return true;
  if (route.to === "roster" && (settings.roster === "subscribers" || route.keys.length === 0)) return true;
  if (holdsOne(oracle, slot, route.keys)) return true;
  if (route.to !== "session") return false;
  const { keys, runId, parent } = route;
  return oracle.hasRun(slot, runId, keys) || (parent !== undefined && oracle.follows(slot, parent));
}

function holdsOne(oracle: Oracle, slot: number, keys: readonly string[]): boolean {
  return keys.some((key) => oracle.holdsClaim(slot, key));
}

/** Invariant 3: nothing twice; frames of one session and run in the order they were sent. */
function isInOrder(ids: readonly number[], frames: readonly Frame[]): boolean {
  const last = new Map<string, number>();
  return ids.every((id) => {
    const stream = JSON.stringify(frames[id]!.route);
    const before = last.get(stream) ?? -1;
    last.set(stream, id);
    return before < id;
  });
}

/** Not by `expect`: asked some millions of times, that takes longer than all the rest. */
function same(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  throw new Error(`got ${JSON.stringify(actual)}, the oracle says ${JSON.stringify(expected)}`);
}

function check(truth: boolean, what: string): void {
  if (!truth) throw new Error(what);
}

function sizesOf({ connections, claims, sessions, roster, observers, held, runs, resumable }: Sizes): Sizes {
  return { connections, claims, sessions, roster, observers, held, runs, resumable };
}

function play(
  settings: WorldSettings,
  sequence: readonly Command[],
  real: World,
  inspect: (oracle: Oracle) => void,
): void {
  turns.length = 0;
  const oracle = new Oracle(settings);
  const script = new Script([oracle, real]);
  for (const command of sequence) {
    const before = Array.from({ length: SLOTS }, (_, slot) => real.delivered(slot));
    const counts = before.map((ids) => ids.length);
    script.run(command);
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const ids = real.delivered(slot);
      same(ids, oracle.delivered(slot));
      const fresh = ids === before[slot] ? ids.slice(counts[slot]) : ids;
      // An entitlement may have ended meanwhile, so only the oracle decides there.
      for (const id of command.do === "pass" || command.do === "restart" ? [] : fresh)
        check(isEntitled(oracle, settings, slot, script.frames[id]!), `slot ${slot} got frame ${id}`);
      reached.delivered += fresh.length;
      if (command.do === "answer") reached.heldDelivered += fresh.length;
      reached.withoutClaim += fresh.filter((id) => {
        const { route } = script.frames[id]!;
        return route.to === "session" && !oracle.isObserver(slot) && !holdsOne(oracle, slot, route.keys);
      }).length;
      if (command.do === "connect" && command.slot === slot) reached.resumed += oracle.claimsOf(slot).length;
    }
    const sizes = sizesOf(real.sizes());
    same(sizes, sizesOf(oracle.sizes()));
    check(sizes.held <= LIMITS.heldFramesPerConnection * sizes.connections, "held frames within their limit");
    if (sizes.held >= LIMITS.heldFramesPerConnection) reached.heldFull += 1;
    inspect(oracle);
  }
  reached.refused += script.refused;
  reached.forgotten += oracle.forgotten;
  for (let slot = 0; slot < SLOTS; slot += 1)
    check(isInOrder(real.delivered(slot), script.frames), `slot ${slot} in order`);
  script.closeAll();
  // Deletions of this turn and answers still owed must bring nothing back.
  script.run({ do: "turn" });
  for (let back = 0; back < 10; back += 1) {
    script.run({ do: "answer", back, outcome: { result: "ok", extraKeys: [SESSIONS[0].key], runId: "r1" } });
  }
  script.run({ do: "turn" });
  script.run({ do: "pass", ms: RESUME_MS });
  const { runs: _, ...left } = sizesOf(real.sizes());
  same(left, NOTHING);
}

describe.each(SETTINGS)(
  "scope $scope, roster $roster, observers $observers",
  { timeout: 30_000 },
  ({ observers, ...settings }) => {
    const named = `scope ${settings.scope}, roster ${settings.roster}, observers ${observers}`;
    test(`the policy delivers what the invariants say, with ${named}`, () => {
      fc.assert(
        fc.property(commands(observers), (sequence) => {
          const world = new PolicyWorld(settings);
          play(settings, sequence, world, (oracle) => {
            for (let slot = 0; slot < SLOTS; slot += 1) {
              const connection = world.connection(slot);
              if (!connection) continue;
              same(world.claims.claimsOf(connection).toSorted(), oracle.claimsOf(slot).toSorted());
              const started = RUNS.filter((runId) => world.claims.runs.has(connection, runId));
              same(
                started,
                RUNS.filter((runId) => oracle.hasRun(slot, runId)),
              );
              // A session is not forgotten while a request on it waits.
              const claimed = SESSIONS.filter(({ key }) => world.claims.claimed(key).has(connection));
              const idle = claimed.filter(({ key }) => !world.claims.isPending(connection, key));
              check(idle.length <= LIMITS.claimsPerConnection, "claims within their limit");
              check(started.length <= LIMITS.runsPerConnection, "runs within their limit");
            }
          });
        }),
        { numRuns: SEQUENCES },
      );
    });

    test(`the composition delivers what the invariants say, with ${named}`, () => {
      fc.assert(
        fc.property(commands(observers), (sequence) => {
          const world = new ScopeWorld(settings, turns);
          play(settings, sequence, world, () => {});
          expect(world.errors()).toBe(0);
        }),
        { numRuns: SEQUENCES },
      );
    });

    test(`series of words go to those that the invariants name, with ${named}`, () => {
      fc.assert(
        fc.property(wordSeries(observers), (sequence) => {
          const world = new ScopeWorld(settings, turns);
          play(settings, sequence, world, () => {});
          expect(world.errors()).toBe(0);
        }),
        { numRuns: SEQUENCES / 5 },
      );
    });
  },
);

test("the generated sequences held frames, delivered held ones and reached the bounds", () => {
  expect(Object.entries(reached).filter(([, times]) => times < 1_000)).toEqual([]);
});
