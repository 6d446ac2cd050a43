/** Which run each reply in a history belongs to, with keys (2026.9) and without. */
import { describe, expect, test } from "vitest";
import { outcomeOf, readMessages } from "../../src/client/transcript.ts";

const usage = (input: number, output: number, total?: number) => ({
  input,
  output,
  cacheRead: 0,
  cacheWrite: 0,
  cost: total === undefined ? undefined : { total },
});
const user = (text: string, timestamp: number, idempotencyKey?: string) => ({
  role: "user",
  content: text,
  timestamp,
  ...(idempotencyKey === undefined ? {} : { idempotencyKey: `${idempotencyKey}:user` }),
});
const reply = (text: string, stopReason = "stop", more: object = {}) => ({
  role: "assistant",
  content: [{ type: "text", text }],
  stopReason,
  usage: usage(10, 5, 0.5),
  ...more,
});
const outcome = (messages: unknown[], runId: string, message: string, since = 0) =>
  outcomeOf(readMessages({ messages }), { runId, message, since });

describe("with keys", () => {
  const messages = [
    user("yes", 1, "k1"),
    reply("first"),
    user("yes", 2, "k2"),
    reply("", "toolUse"),
    { role: "toolResult", content: [{ type: "text", text: "not a reply" }] },
    reply("second"),
    user("yes", 3, "k3"),
  ];

  test("the reply to a message is found by its key, up to the next message, with its usage", () => {
    expect(outcome(messages, "k1", "yes")).toMatchObject({ state: "complete", text: "first" });
    expect(outcome(messages, "k2", "yes")).toEqual({
      state: "complete",
      text: "second",
      errorMessage: undefined,
      usage: { inputTokens: 20, outputTokens: 10, costUsd: 1 },
    });
  });

  test("a keyed message without an answer is open, and a missing one is not looked for by its text", () => {
    expect(outcome(messages, "k3", "yes")?.state).toBe("open");
    expect(outcome(messages, "k9", "yes")).toBeUndefined();
  });
});

describe("without keys", () => {
  test("a message without a key is found by text and time, and only if it is the only match", () => {
    const messages = [user("yes", 100), reply("old"), user("yes", 200), reply("new")];
    expect(outcome(messages, "k", "yes", 150)?.text).toBe("new");
    expect(outcome(messages, "k", "yes", 50)).toBeUndefined();
    expect(outcome(messages, "k", "yes", 250)).toBeUndefined();
    expect(outcome(messages, "k", "no", 0)).toBeUndefined();
  });

  test("the transcript reports errors and aborts", () => {
    const failed = [user("a", 1), reply("", "error", { errorMessage: "400" })];
    expect(outcome(failed, "k", "a")).toMatchObject({ state: "error", errorMessage: "400" });
    expect(outcome([user("a", 1), reply("half", "aborted")], "k", "a")?.state).toBe("aborted");
    const marked = [user("a", 1), reply("half", "stop", { openclawAbort: { aborted: true } })];
    expect(outcome(marked, "k", "a")?.state).toBe("aborted");
  });

  test("the transcript leaves out the cost if one model call has no price", () => {
    const messages = [user("a", 1), reply("", "toolUse"), reply("b", "stop", { usage: usage(1, 1) })];
    expect(outcome(messages, "k", "a")?.usage).toEqual({ inputTokens: 11, outputTokens: 6 });
  });
});

test("a value that is not a history has no messages", () => {
  for (const answer of [undefined, null, 1, {}, { messages: 1 }, { messages: [1, null, {}, { role: 1 }] }]) {
    expect(readMessages(answer)).toEqual([]);
  }
});
