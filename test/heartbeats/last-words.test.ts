import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LastWords } from "../../src/heartbeats/last-words.ts";
import { HeartbeatRun } from "../../src/heartbeats/run.ts";

const WAKE = { sessionKey: "agent:main:main", agentId: "main", scheduled: false };

let busy: boolean;
let failures: number;
let sent: string[];
let words: LastWords;
let run: HeartbeatRun;

beforeEach(() => {
  vi.useFakeTimers();
  busy = true;
  failures = 0;
  sent = [];
  words = new LastWords(
    () => busy,
    () => void (failures += 1),
  );
  run = new HeartbeatRun(WAKE, false);
  run.settle();
});

afterEach(() => {
  vi.useRealTimers();
});

const hold = (text: string): void => words.hold(run, () => void sent.push(text), 60_000);

describe("a heartbeat's last word", () => {
  test("a last word is sent a moment after its session is free", () => {
    hold("alert");
    words.releaseIn(100);
    vi.advanceTimersByTime(100);
    expect(sent).toEqual([]);
    busy = false;
    words.releaseIn(100);
    vi.advanceTimersByTime(99);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual(["alert"]);
  });

  test("a last word is sent once, also when its time comes", () => {
    hold("alert");
    busy = false;
    words.releaseIn(0);
    words.releaseIn(0);
    vi.advanceTimersByTime(120_000);
    expect(sent).toEqual(["alert"]);
  });

  test("a last word is not sent while its heartbeat is under way", () => {
    const live = new HeartbeatRun(WAKE, false);
    words.hold(live, () => void sent.push("early"), 60_000);
    busy = false;
    words.releaseIn(0);
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([]);
    live.settle();
    words.releaseIn(0);
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual(["early"]);
  });

  test("a last word is sent at the latest when its time is over, whoever is busy", () => {
    hold("alert");
    vi.advanceTimersByTime(59_999);
    expect(sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent).toEqual(["alert"]);
  });

  test("a last word that was dropped is never sent", () => {
    hold("mine");
    const other = new HeartbeatRun(WAKE, false);
    other.settle();
    words.hold(other, () => void sent.push("other"), 60_000);
    words.drop(run);
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual(["other"]);
    hold("again");
    words.drop();
    vi.advanceTimersByTime(60_000);
    expect(sent).toEqual(["other"]);
  });

  test("a last word counts as held while it is sent and not after, even if sending fails", () => {
    const seen: boolean[] = [];
    words.hold(run, () => void seen.push(words.releasing), 10);
    words.hold(
      run,
      () => {
        throw new Error("theirs");
      },
      20,
    );
    vi.advanceTimersByTime(20);
    expect(seen).toEqual([true]);
    expect(words.releasing).toBe(false);
    expect(failures).toBe(1);
  });
});
