import { beforeEach, describe, expect, test } from "vitest";
import { type PendingClaim, Claims } from "../../src/policy/claims.ts";

const A = "agent:main:a";
const B = "agent:main:b";
const LIMITS = { claimsPerConnection: 3, runsPerConnection: 2 };
const NOTHING = { connections: 0, claims: 0, sessions: 0, roster: 0, observers: 0, runs: 0, resumable: 0 };

let subscriptions: Claims<string>;

beforeEach(() => {
  subscriptions = new Claims(LIMITS);
  subscriptions.connect("one");
  subscriptions.connect("two");
});

function begin(connection: string, keys: readonly string[], explicit = false): PendingClaim {
  const claim = subscriptions.begin(connection, keys, explicit);
  if (!claim) throw new Error("refused");
  return claim;
}

function claimed(key: string): string[] {
  return [...subscriptions.claimed(key)];
}

function pending(key: string): string[] {
  return [...subscriptions.pending(key)];
}

describe("a claim", () => {
  test("a claim is pending until the gateway's answer and accepted after it", () => {
    const claim = begin("one", [A]);
    expect([claimed(A), pending(A), subscriptions.isPending("one", A)]).toEqual([[], ["one"], true]);
    claim.accept();
    expect([claimed(A), pending(A), subscriptions.isPending("one", A)]).toEqual([["one"], [], false]);
  });

  test("a claim is gone when the gateway refuses it", () => {
    begin("one", [A, B]).reject();
    expect([claimed(A), pending(A), subscriptions.claimsOf("one")]).toEqual([[], [], []]);
    expect(subscriptions.size).toMatchObject({ claims: 0, sessions: 0 });
  });

  test("a claim belongs to one connection and one session", () => {
    begin("one", [A]).accept();
    expect([claimed(A), claimed(B), pending(A)]).toEqual([["one"], [], []]);
    expect(subscriptions.claimsOf("two")).toEqual([]);
  });

  test("a settled claim does not change with later answers", () => {
    const refused = begin("one", [A]);
    refused.reject();
    refused.accept({ extraKeys: [B], run: { id: "r1", fresh: true } });
    expect([claimed(A), claimed(B), subscriptions.runs.has("one", "r1")]).toEqual([[], [], false]);
    const accepted = begin("one", [A]);
    accepted.accept();
    accepted.reject();
    accepted.reject();
    expect(claimed(A)).toEqual(["one"]);
  });

  test("a claim survives a refused request on the same session", () => {
    begin("one", [A]).accept();
    const second = begin("one", [A]);
    expect([claimed(A), pending(A), subscriptions.isPending("one", A)]).toEqual([["one"], [], true]);
    second.reject();
    expect(claimed(A)).toEqual(["one"]);
  });

  test("a claim stays pending while another request on the session is open", () => {
    const first = begin("one", [A]);
    const second = begin("one", [A]);
    first.reject();
    expect(pending(A)).toEqual(["one"]);
    second.accept();
    expect([claimed(A), pending(A)]).toEqual([["one"], []]);
  });

  test("a claim on a session that one request names twice counts once", () => {
    begin("one", [A, A]).reject();
    expect(subscriptions.size.claims).toBe(0);
    begin("one", [A, A]).accept();
    subscriptions.unclaim("one", A);
    expect(subscriptions.size.claims).toBe(0);
  });

  test("a claim of an unknown connection is refused", () => {
    expect(subscriptions.begin("three", [A])).toBeUndefined();
    expect(pending(A)).toEqual([]);
  });
});

describe("the end of a claim", () => {
  test("unsubscribing ends the claim of that connection only", () => {
    begin("one", [A]).accept();
    begin("two", [A]).accept();
    subscriptions.unclaim("one", A);
    expect(claimed(A)).toEqual(["two"]);
    subscriptions.unclaim("one", A);
    subscriptions.unclaim("three", A);
    expect(subscriptions.size.claims).toBe(1);
  });

  test("deleting a session ends everybody's claims on it, pending ones included", () => {
    begin("one", [A]).accept();
    begin("two", [A]);
    begin("two", [B]).accept();
    subscriptions.end(A);
    expect([claimed(A), pending(A), claimed(B)]).toEqual([[], [], ["two"]]);
    subscriptions.end("agent:main:never-seen");
    expect(subscriptions.size).toMatchObject({ claims: 1, sessions: 1 });
  });

  test.each(["unclaim", "end"] as const)("an answer that comes after %s does not bring the claim back", (how) => {
    const late = begin("one", [A, B]);
    if (how === "unclaim") subscriptions.unclaim("one", A);
    else subscriptions.end(A);
    late.accept();
    expect([claimed(A), claimed(B)]).toEqual([[], ["one"]]);
  });

  test("ending a claim leaves a newer claim on the session to its own answer", () => {
    const old = begin("one", [A]);
    subscriptions.unclaim("one", A);
    const fresh = begin("one", [A]);
    old.accept();
    expect([claimed(A), pending(A)]).toEqual([[], ["one"]]);
    fresh.accept();
    expect(claimed(A)).toEqual(["one"]);
  });

  test("ending a claim forgets that it was explicit", () => {
    begin("one", [A], true).accept();
    subscriptions.unclaim("one", A);
    begin("one", [A]).accept();
    expect(subscriptions.isExplicit("one", A)).toBe(false);
  });
});

describe("an explicit claim", () => {
  test("a claim is explicit only when the explicit request is accepted", () => {
    const claim = begin("one", [A], true);
    expect(subscriptions.isExplicit("one", A)).toBe(false);
    claim.accept();
    expect(subscriptions.isExplicit("one", A)).toBe(true);
    expect(subscriptions.isExplicit("one", B)).toBe(false);
    expect(subscriptions.isExplicit("two", A)).toBe(false);
  });

  test("an explicit claim stays explicit after an implicit one, and a refused one makes nothing explicit", () => {
    begin("one", [A], true).accept();
    begin("one", [A]).accept();
    expect(subscriptions.isExplicit("one", A)).toBe(true);
    begin("one", [B]).accept();
    begin("one", [B], true).reject();
    expect(subscriptions.isExplicit("one", B)).toBe(false);
  });
});

describe("an answer", () => {
  test("an answer claims the keys that it names, as explicit as the request", () => {
    begin("one", [], true).accept({ extraKeys: [A] });
    begin("two", []).accept({ extraKeys: [A] });
    expect(claimed(A)).toEqual(["one", "two"]);
    expect([subscriptions.isExplicit("one", A), subscriptions.isExplicit("two", A)]).toEqual([true, false]);
  });

  test("an answer makes only the connection that started the run its owner", () => {
    begin("one", [A]).accept({ run: { id: "r1", fresh: true } });
    expect(subscriptions.runs.has("one", "r1")).toBe(true);
    expect(subscriptions.runs.has("two", "r1")).toBe(false);
    expect(subscriptions.runs.has("one", "r2")).toBe(false);
  });
});

describe("the limits", () => {
  test("a request beyond the limit passes, and the session used least recently is forgotten", () => {
    begin("one", ["k1", "k2", "k3"]).accept();
    begin("one", ["k1"]).accept(); // used again
    begin("one", ["k4"]).accept();
    expect(subscriptions.claimsOf("one")).toEqual(["k3", "k1", "k4"]);
    expect(claimed("k2")).toEqual([]);
  });

  test("a session that was subscribed explicitly is not forgotten for others", () => {
    begin("one", ["k1"], true).accept();
    begin("one", ["k2", "k3"]).accept();
    begin("one", ["k4", "k5"]).accept();
    expect(subscriptions.claimsOf("one")).toEqual(["k1", "k4", "k5"]);
  });

  test("a request beyond explicit subscriptions passes and is not claimed", () => {
    begin("one", ["k1", "k2", "k3"], true).accept();
    const over = begin("one", ["k4"]);
    expect(pending("k4")).toEqual(["one"]);
    over.accept();
    expect(subscriptions.claimsOf("one")).toEqual(["k1", "k2", "k3"]);
    expect([claimed("k4"), pending("k4")]).toEqual([[], []]);
  });

  test("an explicit subscription beyond the limit of explicit ones is refused and changes nothing", () => {
    begin("one", ["k1", "k2"], true).accept();
    begin("one", ["k3"], true); // waits for its answer
    expect(subscriptions.begin("one", ["k4"], true)).toBeUndefined();
    expect([subscriptions.claimsOf("one"), pending("k4")]).toEqual([["k1", "k2", "k3"], []]);
    expect(subscriptions.begin("one", ["k1", "k2", "k3"], true)).toBeDefined();
    expect(subscriptions.begin("two", ["k4"], true)).toBeDefined();
  });

  test("an explicit subscription takes the place of what was only used", () => {
    begin("one", ["k1", "k2", "k3"]).accept();
    begin("one", ["k4"], true).accept();
    expect(subscriptions.claimsOf("one")).toEqual(["k2", "k3", "k4"]);
  });

  test("requests that wait for their answers exceed no limit, however many", () => {
    const all = Array.from({ length: 20 }, (_, index) => begin("one", [`k${index}`]));
    expect(subscriptions.claimsOf("one")).toHaveLength(20);
    for (const each of all) each.accept();
    expect(subscriptions.claimsOf("one")).toEqual(["k17", "k18", "k19"]);
  });

  test("a session is not forgotten while a request on it waits", () => {
    begin("one", ["k1", "k2", "k3"]).accept();
    const again = begin("one", ["k2"]);
    begin("one", ["k4"]).accept();
    begin("one", ["k5"]).accept();
    expect(subscriptions.claimsOf("one")).toEqual(["k2", "k4", "k5"]);
    again.reject();
    expect(claimed("k2")).toEqual(["one"]);
  });

  test("the limits leave room again after a refusal, an unsubscribe and a deletion", () => {
    begin("one", ["k1", "k2", "k3"]).reject();
    begin("one", ["k1", "k2", "k3"]).accept();
    subscriptions.unclaim("one", "k1");
    subscriptions.end("k2");
    begin("one", ["k4", "k5"]).accept();
    expect(subscriptions.claimsOf("one").toSorted()).toEqual(["k3", "k4", "k5"]);
  });

  test("the limits hold for the keys of an answer too", () => {
    begin("one", ["k1", "k2"]).accept({ extraKeys: ["k3", "k4"] });
    expect(subscriptions.claimsOf("one")).toEqual(["k2", "k3", "k4"]);
  });

  test("each claim that is forgotten is told", () => {
    const forgets: string[] = [];
    const few = new Claims<string>(LIMITS, { forgotten: () => void forgets.push("one more") });
    few.connect("one");
    for (const key of ["k1", "k2", "k3", "k4", "k5"]) few.begin("one", [key])!.accept();
    expect(forgets).toHaveLength(2);
  });

  test("each of many requests costs the same well below the limits", { timeout: 10_000 }, () => {
    const requests = Array.from({ length: 30_000 }, () => begin("one", [A]));
    for (const request of requests) request.accept();
    expect(subscriptions.size).toEqual({ ...NOTHING, connections: 2, claims: 1, sessions: 1 });
  });

  test("the limit on runs forgets the oldest run", () => {
    for (const runId of ["r1", "r2", "r3"]) begin("one", [A]).accept({ run: { id: runId, fresh: true } });
    expect(["r1", "r2", "r3"].map((runId) => subscriptions.runs.has("one", runId))).toEqual([false, true, true]);
  });
});

describe("connections", () => {
  test("a connection that goes takes all its claims along, whatever state they are in", () => {
    begin("one", [A], true).accept({ run: { id: "r1", fresh: true } });
    begin("one", [B]);
    begin("two", [A]).accept();
    subscriptions.setRoster("one", true);
    subscriptions.disconnect("one");
    expect([claimed(A), pending(B), [...subscriptions.roster]]).toEqual([["two"], [], []]);
    expect(subscriptions.runs.has("one", "r1")).toBe(false);
    // The run goes on, and may be asked for.
    expect(subscriptions.size).toEqual({ ...NOTHING, connections: 1, claims: 1, sessions: 1, runs: 1 });
    subscriptions.disconnect("two");
    subscriptions.disconnect("two");
    expect(subscriptions.size).toEqual({ ...NOTHING, runs: 1 });
  });

  test("a connection gets nothing from an answer that comes after it went or came back", () => {
    const lost = begin("one", [A]);
    subscriptions.disconnect("one");
    lost.accept({ extraKeys: [B], run: { id: "r1", fresh: true } });
    expect(subscriptions.has("one")).toBe(false);
    const late = begin("two", [A]);
    subscriptions.disconnect("two");
    subscriptions.connect("two");
    late.accept({ extraKeys: [B], run: { id: "r1", fresh: true } });
    expect([claimed(A), claimed(B), subscriptions.runs.has("two", "r1")]).toEqual([[], [], false]);
    expect(subscriptions.size).toEqual({ ...NOTHING, connections: 1, runs: 1 });
  });

  test("a connection that connects again keeps what it has", () => {
    begin("one", [A]).accept();
    subscriptions.connect("one", { observer: true });
    expect([claimed(A), [...subscriptions.observers]]).toEqual([["one"], []]);
  });

  test("a connection asks for the list of sessions and leaves it", () => {
    subscriptions.setRoster("one", true);
    subscriptions.setRoster("one", true);
    subscriptions.setRoster("three", true);
    expect([...subscriptions.roster]).toEqual(["one"]);
    subscriptions.setRoster("one", false);
    expect([...subscriptions.roster]).toEqual([]);
  });

  test("a connection observes only if it connected as an observer", () => {
    subscriptions.connect("eye", { observer: true });
    expect([...subscriptions.observers]).toEqual(["eye"]);
    subscriptions.disconnect("eye");
    expect(subscriptions.size.observers).toBe(0);
  });
});

test("an answer that names its key does not undo an unsubscribe that overtook it", () => {
  const claim = begin("one", [A], true);
  subscriptions.unclaim("one", A);
  claim.accept({ extraKeys: [A] });
  expect([...subscriptions.claimed(A)]).toEqual([]);
});

test("the claims on all sessions of a deleted agent end, except those that were requested after the deletion", () => {
  const claims = new Claims<string>({ claimsPerConnection: 9, runsPerConnection: 9 });
  for (const connection of ["a", "b"]) claims.connect(connection);
  claims.begin("a", ["agent:gone:main", "agent:gone:x", "agent:main:main"])!.accept();
  const asOf = claims.now;
  claims.begin("b", ["agent:gone:main"])!.accept();
  claims.endAgent("gone", asOf);
  expect(claims.claimsOf("a")).toEqual(["agent:main:main"]);
  expect(claims.claimsOf("b")).toEqual(["agent:gone:main"]);
});

test("of several sessions only those are claimed that the answer lists", () => {
  const claims = new Claims<string>({ claimsPerConnection: 9, runsPerConnection: 9 });
  claims.connect("a");
  claims.begin("a", ["agent:main:x", "agent:main:y"])!.accept({ only: ["agent:main:y"] });
  expect(claims.claimsOf("a")).toEqual(["agent:main:y"]);
});
