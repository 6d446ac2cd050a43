/** Which connection started which run, and until when its frames go there. */
import { beforeEach, describe, expect, test } from "vitest";
import { NEXT_MS } from "../../src/policy/absorbed.ts";
import { ANSWER_MS, Runs, TAIL_MS } from "../../src/policy/runs.ts";
import { Clock } from "./model/world.ts";

const A = ["agent:main:a"];
const B = ["agent:main:b"];
const START = ["agent", { stream: "lifecycle", data: { phase: "start" } }] as const;
const WORD = ["agent", { stream: "assistant", data: { text: "x" } }] as const;
const END = ["agent", { stream: "lifecycle", data: { phase: "end" } }] as const;
const FINAL = ["chat", { state: "final", message: {} }] as const;
const EMPTY = ["chat", { state: "final" }] as const;

let clock: Clock;
let runs: Runs<string>;

beforeEach(() => {
  clock = new Clock();
  runs = new Runs<string>(2, clock.later);
});

function owners(id: string, keys: readonly string[] = A): string[] {
  return [...(runs.of(id, keys)?.owners ?? [])];
}

function saw(id: string, [event, payload]: readonly [string, object], keys: readonly string[] = A): string[] {
  return [...runs.saw(id, keys, event, payload)];
}

describe("a run belongs to whoever started it", () => {
  test("a run is its starter's in the session that the request named, and in no other", () => {
    runs.own("one", "r1", A, true);
    expect([owners("r1"), owners("r1", [...B, ...A]), owners("r1", B), owners("r2")]).toEqual([
      ["one"],
      ["one"],
      [],
      [],
    ]);
    expect([runs.has("one", "r1"), runs.has("two", "r1"), runs.sessionOf("r1")]).toEqual([true, false, A[0]]);
  });

  test("whoever asks for a run under its id in its own session has it too", () => {
    runs.own("one", "r1", A, true);
    runs.own("two", "r1", A, false);
    expect(owners("r1")).toEqual(["one", "two"]);
  });

  test("whoever guesses a run's id and names another session gets nothing of the run", () => {
    runs.own("victim", "r1", A, true);
    expect(runs.own("hostile", "r1", B, false)).toBeUndefined();
    expect(saw("r1", WORD)).toEqual([]);
    expect([owners("r1"), owners("r1", B)]).toEqual([["victim"], []]);
  });

  test("a run that the gateway starts anew under an id in use belongs to its own starter only", () => {
    runs.own("hostile", "r1", B, true);
    runs.own("victim", "r1", A, true);
    saw("r1", WORD);
    expect([owners("r1"), owners("r1", B)]).toEqual([["victim"], []]);
  });

  test("a run whose request named no session is of the session of its first event", () => {
    runs.own("one", "r1", [], true);
    expect(owners("r1")).toEqual([]);
    expect(saw("r1", START)).toEqual(["one"]);
    saw("r1", WORD, B);
    expect([owners("r1"), owners("r1", B)]).toEqual([["one"], []]);
  });

  test("a run that the gateway moves to another session is followed there", () => {
    runs.own("one", "r1", A, true);
    expect(saw("r1", START, B)).toEqual(["one"]);
    expect([owners("r1"), owners("r1", B)]).toEqual([[], ["one"]]);
  });

  test("an answer from an earlier request tells nothing about where a run without a session is", () => {
    expect(runs.own("one", "r1", [], false)).toBeUndefined();
    saw("r1", START);
    expect(owners("r1")).toEqual([]);
  });

  test("of one connection's runs the oldest is forgotten beyond the limit", () => {
    for (const id of ["r1", "r2", "r3"]) runs.own("one", id, A, true);
    expect(["r1", "r2", "r3"].map((id) => runs.has("one", id))).toEqual([false, true, true]);
  });

  test("runs that nobody has are kept within a bound", () => {
    for (let index = 0; index < 10_000; index += 1) runs.own(undefined, `r${index}`, A, true);
    expect(runs.size).toBe(4_096);
    expect(runs.sessionOf("r9999")).toBe(A[0]);
  });
});

describe("the end of a run", () => {
  test("a run ends a short while after its last word", () => {
    runs.own("one", "r1", A, true);
    saw("r1", FINAL);
    clock.pass(TAIL_MS - 1);
    expect(owners("r1")).toEqual(["one"]);
    clock.pass(1);
    expect([owners("r1"), runs.size]).toEqual([[], 0]);
  });

  test("a run whose agent has ended waits for its answer, and goes on if the agent begins again", () => {
    runs.own("one", "r1", A, true);
    saw("r1", END);
    clock.pass(ANSWER_MS - 1);
    saw("r1", START);
    clock.pass(ANSWER_MS);
    expect(owners("r1")).toEqual(["one"]);
    saw("r1", END);
    clock.pass(ANSWER_MS);
    expect(owners("r1")).toEqual([]);
  });

  test("a run whose result has come ends, though it had no event", () => {
    for (const id of ["r1", "r2"]) runs.own("one", id, A, true);
    runs.ranOut("r1", A);
    runs.ranOut("r2", B);
    clock.pass(TAIL_MS);
    expect([owners("r1"), owners("r2"), runs.size]).toEqual([[], ["one"], 1]);
  });

  test("an event of another session that has a run's id does not end it", () => {
    runs.own("one", "r1", A, true);
    saw("r1", WORD);
    saw("r1", FINAL, B);
    clock.pass(ANSWER_MS);
    expect(owners("r1")).toEqual(["one"]);
  });

  test("a run outlives the connection that started it, and is taken up again while it goes on", () => {
    runs.own("one", "r1", A, true);
    const [run] = runs.disconnect("one");
    expect([owners("r1"), runs.size]).toEqual([[], 1]);
    runs.resume("two", run!);
    expect(owners("r1")).toEqual(["two"]);
  });

  test("a connection that comes back does not take up a later run of the same id", () => {
    runs.own("one", "r1", A, true);
    const [run] = runs.disconnect("one");
    saw("r1", FINAL);
    clock.pass(TAIL_MS);
    runs.own("victim", "r1", A, true);
    runs.resume("two", run!);
    expect(owners("r1")).toEqual(["victim"]);
  });
});

describe("a connection that asks for a run", () => {
  const nobody = (): boolean => false;

  test("a connection that asks waits, and has the run of one that went away once it may", () => {
    runs.own("one", "r1", A, true);
    const asks = runs.ask("two", "r1")!;
    expect([[...runs.of("r1", A)!.waiting!.keys()], owners("r1")]).toEqual([["two"], ["one"]]);
    runs.disconnect("one");
    asks.accept(nobody);
    asks.reject();
    expect([[...runs.of("r1", A)!.waiting!.keys()], owners("r1")]).toEqual([[], ["two"]]);
  });

  test("a connection has no run of another that is still there, unless both are the same client", () => {
    runs.own("one", "r1", A, true);
    const asks = runs.ask("two", "r1")!;
    asks.accept(nobody);
    expect(owners("r1")).toEqual(["one"]);
    asks.accept((owner) => owner === "one");
    expect(owners("r1")).toEqual(["one", "two"]);
  });

  test("a connection that waits has the run once its starter goes, however late that is noticed", () => {
    runs.own("one", "r1", A, true);
    const [asks, short] = [runs.ask("two", "r1"), runs.ask("three", "r1")];
    for (const each of [asks, short]) each.accept(nobody);
    short.answered();
    expect([owners("r1"), runs.of("r1", A)!.waiting!.size]).toEqual([["one"], 0]);
    runs.disconnect("one");
    expect(owners("r1")).toEqual(["two"]);
  });

  test("a connection that has gone itself, or was refused, has nothing then", () => {
    runs.own("one", "r1", A, true);
    for (const each of ["two", "three"]) runs.ask(each, "r1").accept(nobody);
    runs.disconnect("two");
    runs.ask("three", "r1").reject();
    runs.disconnect("one");
    expect(owners("r1")).toEqual([]);
  });

  test("a connection may ask before the run begins, while the gateway has not answered it", () => {
    const [asks, late] = [runs.ask("two", "r1"), runs.ask("two", "r2")];
    for (const each of [asks, late]) each.accept(nobody);
    runs.own(undefined, "r1", A, true);
    expect(owners("r1")).toEqual(["two"]);
    late.answered();
    runs.own(undefined, "r2", A, true);
    expect(owners("r2")).toEqual([]);
  });

  test("those who wait for runs that nobody starts are kept within a bound", () => {
    for (let index = 0; index < 2_000; index += 1) runs.ask("two", `r${index}`).accept(nobody);
    for (const id of ["r0", "r1999"]) runs.own(undefined, id, A, true);
    expect([owners("r0"), owners("r1999")]).toEqual([[], ["two"]]);
  });

  test("a connection that may not have a run gets nothing, and waits while another of its requests does", () => {
    runs.own("one", "r1", A, true);
    const [first, second] = [runs.ask("two", "r1")!, runs.ask("two", "r1")!];
    first.reject();
    first.reject();
    expect(runs.of("r1", A)!.waiting!.has("two")).toBe(true);
    second.reject();
    runs.disconnect("one");
    second.accept(nobody);
    expect([runs.of("r1", A)!.waiting!.has("two"), owners("r1")]).toEqual([false, []]);
  });

  test("nobody has a run that has ended meanwhile", () => {
    runs.own("one", "r1", A, true);
    const asks = runs.ask("two", "r1")!;
    saw("r1", FINAL);
    clock.pass(TAIL_MS);
    runs.own("three", "r1", A, true);
    asks.accept(nobody);
    expect(owners("r1")).toEqual(["three"]);
  });
});

describe("a message that another run takes in", () => {
  beforeEach(() => {
    runs.own("one", "r1", A, true);
    saw("r1", START);
    runs.own("two", "r2", A, true);
  });

  test("a message with an empty answer during a run gets that run's frames (steered)", () => {
    expect(owners("r1")).toEqual(["one"]);
    expect(saw("r2", EMPTY)).toEqual(["two"]);
    expect(owners("r1")).toEqual(["one", "two"]);
  });

  test("a message that was queued has the run that the gateway begins after the one in its way", () => {
    saw("r2", EMPTY);
    expect(saw("made-up", START)).toEqual([]); // another run: not its answer
    saw("r1", FINAL);
    expect(saw("made-up", START)).toEqual(["two"]);
    expect(owners("made-up")).toEqual(["two"]);
    saw("another", START);
    expect(owners("another")).toEqual([]);
  });

  test("as many runs follow as messages were queued", () => {
    runs.own("three", "r3", A, true);
    for (const id of ["r2", "r3"]) saw(id, EMPTY);
    saw("r1", FINAL);
    saw("next", START);
    saw("next", FINAL);
    saw("last", START);
    expect([owners("next"), owners("last")]).toEqual([
      ["two", "three"],
      ["two", "three"],
    ]);
  });

  test("the gateway has a bounded time to begin that run", () => {
    saw("r2", EMPTY);
    saw("r1", FINAL);
    clock.pass(TAIL_MS + NEXT_MS);
    saw("much-later", START);
    expect(owners("much-later")).toEqual([]);
  });

  test("a sender that went away gets nothing of it", () => {
    saw("r2", EMPTY);
    runs.disconnect("two");
    saw("r1", FINAL);
    saw("next", START);
    expect([owners("r1"), owners("next")]).toEqual([["one"], []]);
  });

  test.each([
    ["an agent worked on it", () => saw("r2", WORD)],
    ["it is alone in its session", () => saw("r1", FINAL)],
  ])("a message was not taken in if %s", (_, before) => {
    before();
    saw("r2", EMPTY);
    expect(owners("r1")).toEqual(["one"]);
  });

  test("a message of another session was not taken in", () => {
    runs.own("three", "r3", B, true);
    saw("r3", EMPTY, B);
    expect(owners("r1")).toEqual(["one"]);
  });
});
