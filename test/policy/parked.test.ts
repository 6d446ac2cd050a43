/** What a lost connection leaves behind, and who gets it. */
import { beforeEach, describe, expect, test } from "vitest";
import { Claim } from "../../src/policy/claim.ts";
import { Claims } from "../../src/policy/claims.ts";
import { Parked } from "../../src/policy/parked.ts";
import { Runs } from "../../src/policy/runs.ts";
import { Clock } from "./model/world.ts";

const A = "agent:main:a";
const B = "agent:work:b";
const LIMITS = { claimsPerConnection: 3, runsPerConnection: 2 };
const PHONE = { identity: "phone", ms: 60_000 };

let clock: Clock;
let parked: Parked<string>;
let claims: Claims<string>;

beforeEach(() => {
  clock = new Clock();
  parked = new Parked(clock.later);
  claims = new Claims(LIMITS, { parked, runs: new Runs(2, clock.later) });
  claims.connect("first");
});

function comeBack(as = "second", identity = "phone"): readonly string[] {
  claims.connect(as);
  claims.resume(as, identity);
  return claims.claimsOf(as);
}

describe("a client that comes back", () => {
  test("a client has its claims again, explicit ones explicitly, and its runs", () => {
    claims.begin("first", [A])!.accept({ run: { id: "r1", fresh: true } });
    claims.begin("first", [B], true)!.accept();
    claims.disconnect("first", PHONE);
    expect(claims.size).toMatchObject({ connections: 0, claims: 0, sessions: 0, resumable: 1 });
    expect(comeBack()).toEqual([A, B]);
    expect([claims.isExplicit("second", A), claims.isExplicit("second", B)]).toEqual([false, true]);
    expect([claims.runs.has("second", "r1"), claims.size.resumable]).toEqual([true, 0]);
  });

  test("a client does not have again what it gave up, what was deleted, or what was never accepted", () => {
    claims.begin("first", [A, B, "agent:work:c"])!.accept();
    claims.begin("first", ["agent:main:waits"]);
    claims.unclaim("first", A);
    claims.disconnect("first", PHONE);
    claims.end(B);
    expect(comeBack()).toEqual(["agent:work:c"]);
    claims.disconnect("second", PHONE);
    claims.endAgent("work", claims.now);
    expect(comeBack("third")).toEqual([]);
  });

  test("a client does not have again what it gave up by a request that was handled after its connection had closed", () => {
    claims.begin("first", [A, B, "agent:work:c"])!.accept();
    const left = claims.disconnect("first", PHONE)!;
    claims.giveUp(left, A);
    expect(comeBack()).toEqual([B, "agent:work:c"]);
    // Only now, and the client has asked for one of them again.
    claims.begin("second", [B])!.accept();
    claims.giveUp(left, B);
    claims.giveUp(left, "agent:work:c");
    expect(claims.claimsOf("second")).toEqual([B]);
    claims.disconnect("second", PHONE);
    expect(comeBack("third")).toEqual([B]);
  });

  test("a client has again only what the rules let it have now", () => {
    claims.begin("first", [A, B])!.accept();
    claims.disconnect("first", PHONE);
    claims.connect("second", { access: { allows: (key) => key === B } });
    claims.resume("second", "phone");
    expect(claims.claimsOf("second")).toEqual([B]);
  });

  test("a client that comes back too late, or that nobody keeps anything for, has nothing", () => {
    claims.begin("first", [A])!.accept();
    claims.disconnect("first", PHONE);
    clock.pass(60_000);
    expect([comeBack(), claims.size.resumable]).toEqual([[], 0]);
    claims.begin("second", [A])!.accept();
    claims.disconnect("second", { ...PHONE, ms: 0 });
    expect(comeBack("third")).toEqual([]);
    claims.begin("third", [A])!.accept();
    claims.disconnect("third");
    expect(comeBack("fourth")).toEqual([]);
  });

  test("another client has nothing of it, and it can be had once", () => {
    claims.begin("first", [A])!.accept();
    claims.disconnect("first", PHONE);
    expect(comeBack("other", "laptop")).toEqual([]);
    expect([comeBack("second"), comeBack("third")]).toEqual([[A], []]);
  });

  test("of several connections that have gone the last one is had first, and one that is open keeps its own", () => {
    claims.connect("beside");
    claims.connect("open");
    claims.begin("first", [A])!.accept();
    claims.begin("beside", [B])!.accept();
    claims.begin("open", ["agent:main:o"])!.accept();
    claims.disconnect("first", PHONE);
    claims.disconnect("beside", PHONE);
    expect([comeBack("second"), comeBack("third")]).toEqual([[B], [A]]);
    expect(claims.claimsOf("open")).toEqual(["agent:main:o"]);
  });

  test("a run that is answered after its connection went is the client's when it comes back", () => {
    const asked = claims.begin("first", [A])!;
    claims.disconnect("first", PHONE);
    asked.accept({ run: { id: "r1", fresh: true } });
    expect(comeBack()).toEqual([]);
    expect(claims.runs.has("second", "r1")).toBe(true);
  });

  test("a run that is answered after its client came back is the client's", () => {
    const asked = claims.begin("first", [A])!;
    claims.disconnect("first", PHONE);
    comeBack();
    asked.accept({ run: { id: "r1", fresh: true } });
    expect(claims.runs.has("second", "r1")).toBe(true);
  });
});

test("what has gone is kept within bounds: the oldest connections go first", () => {
  const left = (count: number) => ({
    claims: new Map(Array.from({ length: count }, (_, index) => [`agent:main:${index}`, new Claim()])),
    runs: [],
    starts: [],
  });
  for (let index = 0; index < 10_005; index += 1) parked.park(`device-${index}`, left(1), 60_000);
  expect(parked.size).toBe(10_000);
  expect([parked.take("device-4", true), parked.take("device-5", true)?.claims.size]).toEqual([undefined, 1]);
  for (let index = 0; index < 21; index += 1) parked.park("many", left(10_000), 60_000);
  expect(parked.size).toBe(20);
  clock.pass(60_000);
  expect(parked.size).toBe(0);
});

test("connections that have gone outlive a restart of the gateway in its process", () => {
  claims.begin("first", [A])!.accept({ run: { id: "r1", fresh: true } });
  claims.disconnect("first", PHONE);
  const restarted = new Claims<string>(LIMITS, { parked });
  restarted.connect("second");
  restarted.resume("second", "phone");
  expect([restarted.claimsOf("second"), restarted.runs.has("second", "r1")]).toEqual([[A], false]);
});

test("a claim that comes back while its session is being deleted ends with it, also after a restart", () => {
  const kept = new Parked<string>(() => () => {});
  const before = new Claims<string>(LIMITS, { parked: kept });
  before.connect("first");
  for (const key of [B, B, A]) before.begin("first", [key])?.accept();
  before.disconnect("first", PHONE);
  const after = new Claims<string>(LIMITS, { parked: kept });
  after.connect("other");
  const deletion = after.now;
  after.begin("other", [B])?.accept();
  after.connect("second");
  expect(after.resume("second", PHONE.identity)).toBe(true);
  after.end(A, deletion);
  expect(after.claimsOf("second")).toEqual([B]);
});
