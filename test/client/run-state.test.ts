/** The reader of one run: as releases send text, and with frames lost, repeated and out of order. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRunReader, type Reading } from "../../src/client/run-state.ts";
import type { ChatEvent } from "../../src/client/types.ts";

const message = (text: string) => ({ role: "assistant", content: [{ type: "text", text }] });
const delta = (seq: number, text: string) => ({ seq, state: "delta", message: message(text) });
const final = (seq: number, text?: string) => ({
  seq,
  state: "final",
  ...(text === undefined ? {} : { message: message(text) }),
});

/** What a consumer has on its screen after these readings. */
function screen(readings: readonly Reading[]): string {
  let text = "";
  for (const event of eventsOf(readings)) {
    if (event.type !== "text-delta") continue;
    text = event.replace ? event.delta : text + event.delta;
  }
  return text;
}

function eventsOf(readings: readonly Reading[]): ChatEvent[] {
  return readings.flatMap((reading) => (typeof reading === "string" ? [] : reading.events));
}

function endOf(readings: readonly Reading[]) {
  return readings.flatMap((reading) => (typeof reading === "string" || !reading.end ? [] : [reading.end]));
}

describe("text", () => {
  test("the reader turns cumulative text, as releases up to 2026.5 send it, into deltas", () => {
    const { chat } = createRunReader();
    const readings = [chat(delta(2, "a")), chat(delta(4, "a b")), chat(delta(6, "a b")), chat(final(6, "a b c"))];
    expect(eventsOf(readings)).toEqual([
      { type: "text-delta", delta: "a" },
      { type: "text-delta", delta: " b" },
      { type: "text-delta", delta: " c" },
    ]);
    expect(endOf(readings)).toEqual([{ how: "final", text: "a b c", started: true }]);
  });

  test("the reader appends and replaces with deltaText alone", () => {
    const { chat } = createRunReader();
    const readings = [
      chat({ seq: 1, state: "delta", deltaText: "one" }),
      chat({ seq: 2, state: "delta", deltaText: " two" }),
      chat({ seq: 2, state: "delta", deltaText: " two" }),
      chat({ seq: 3, state: "delta", deltaText: "three", replace: true }),
      chat({ seq: 4, state: "delta", deltaText: " four" }),
    ];
    expect(readings[2]).toBe("stale");
    expect(screen(readings)).toBe("three four");
    expect(screen(readings.slice(0, 3))).toBe("one two");
  });

  test("a text that shrinks replaces what was there and is never appended to it", () => {
    const { chat } = createRunReader();
    const readings = [chat(delta(1, "thinking about it")), chat(delta(2, "no")), chat(delta(3, "no, wait"))];
    expect(eventsOf(readings)).toEqual([
      { type: "text-delta", delta: "thinking about it" },
      { type: "text-delta", delta: "no", replace: true },
      { type: "text-delta", delta: ", wait" },
    ]);
  });

  test("a final that only loses white space changes nothing, and one without a message keeps what was streamed", () => {
    const trimmed = createRunReader();
    expect([trimmed.chat(delta(1, "a \n")), trimmed.chat(final(2, "a"))].at(-1)).toEqual({
      events: [],
      end: { how: "final", text: "a", started: true },
    });
    const bare = createRunReader();
    bare.chat(delta(1, "a"));
    expect(endOf([bare.chat(final(2))])).toEqual([{ how: "final", text: "a", started: true }]);
  });

  test("an empty final says whether the agent had begun", () => {
    const never = createRunReader();
    expect(endOf([never.chat(final(1))])[0]?.started).toBe(false);
    const begun = createRunReader();
    begun.agent({ seq: 1, stream: "lifecycle", data: { phase: "start" } });
    expect(endOf([begun.chat(final(2))])[0]?.started).toBe(true);
  });

  test("the reader calls a second final, and an error after an error, late", () => {
    const { chat, agent } = createRunReader();
    chat({ seq: 9, state: "error", errorMessage: "bad" });
    expect([chat({ seq: 1, state: "error" }), chat(final(10, "x")), agent({ stream: "lifecycle", data: {} })]).toEqual([
      "late",
      "late",
      "late",
    ]);
  });

  const texts = fc.array(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 });

  test("cumulative deltas in any order, lost or repeated, end in the final's text", () => {
    fc.assert(
      fc.property(texts, fc.infiniteStream(fc.nat()), (parts, choices) => {
        const whole = parts.map((_, i) => parts.slice(0, i + 1).join(""));
        const frames = whole.flatMap((text, i) => {
          const copies = choices.next().value % 3;
          return Array.from({ length: copies }, () => ({ at: choices.next().value, frame: delta(i + 1, text) }));
        });
        const shuffled = frames.toSorted((a, b) => a.at - b.at).map(({ frame }) => frame);
        const { chat } = createRunReader();
        const readings = [...shuffled.map(chat), chat(final(99, whole.at(-1)))];
        expect(screen(readings).trim()).toBe(whole.at(-1)!.trim());
        expect(endOf(readings)).toHaveLength(1);
        // Cumulative text that only grows never goes back, whatever the order.
        const shown = readings.map((_, i) => screen(readings.slice(0, i + 1)));
        for (const [i, text] of shown.entries()) expect(text.startsWith(shown[i - 1] ?? "")).toBe(true);
      }),
    );
  });
});

describe("reasoning and tools", () => {
  const tool = (phase: string, ts: number, more: object = {}) => ({
    stream: "tool",
    ts,
    data: { phase, toolCallId: "c1", name: "exec", ...more },
  });

  test("the reader turns cumulative and delta reasoning into deltas", () => {
    const { agent } = createRunReader();
    const readings = [
      agent({ seq: 1, stream: "thinking", data: { text: "a" } }),
      agent({ seq: 2, stream: "thinking", data: { text: "a b", delta: " b" } }),
      agent({ seq: 2, stream: "thinking", data: { text: "a b", delta: " b" } }),
      agent({ seq: 3, stream: "thinking", data: { delta: " c" } }),
    ];
    expect(readings[2]).toBe("stale");
    expect(eventsOf(readings)).toEqual(["a", " b", " c"].map((text) => ({ type: "reasoning-delta", delta: text })));
  });

  test("the reader reports a tool call once, with its arguments, its label and its duration", () => {
    const { agent } = createRunReader();
    const readings = [
      agent({ stream: "item", data: { toolCallId: "c1", title: "exec print text" } }),
      agent(tool("start", 1000, { args: { command: "echo hi" } })),
      agent(tool("start", 1000, { args: { command: "echo hi" } })),
      agent(tool("update", 1100)),
      agent(tool("result", 1342, { isError: false })),
      agent(tool("result", 1342, { isError: false })),
    ];
    expect(eventsOf(readings)).toEqual([
      { type: "tool-start", id: "c1", name: "exec", arguments: { command: "echo hi" }, label: "exec print text" },
      { type: "tool-end", id: "c1", name: "exec", durationMs: 342, isError: false, label: "exec print text" },
    ]);
  });

  test("a tool's start that comes after its end is not reported", () => {
    const { agent } = createRunReader();
    const readings = [agent(tool("result", 5, { isError: true })), agent(tool("start", 1))];
    expect(eventsOf(readings)).toEqual([
      { type: "tool-end", id: "c1", name: "exec", durationMs: undefined, isError: true, label: "exec" },
    ]);
    expect(readings[1]).toBe("stale");
  });

  test("a tool without a title is labelled with its name and first text, in one line", () => {
    const { agent } = createRunReader();
    const args = { command: `a\n${"b".repeat(200)}` };
    const [start] = eventsOf([agent(tool("start", 1, { args }))]);
    expect(start).toMatchObject({ label: `exec a ${"b".repeat(113)}` });
  });

  test("junk frames yield nothing and break nothing", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.dictionary(fc.constantFrom("state", "seq", "message", "data", "stream", "deltaText"), fc.anything()),
        ),
        (junk) => {
          const { chat, agent } = createRunReader();
          for (const payload of junk) {
            chat(payload);
            agent(payload);
          }
          expect(eventsOf([chat(final(1e9, "end"))]).length).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});
