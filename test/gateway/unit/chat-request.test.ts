/** What the scripted model makes of the prompts of different releases. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readChatRequest, type ChatRequest } from "../../support/gateway/chat-request.ts";

const EVENT = "System: [2026-11-28 06:00:00 UTC] EVENT1";
const RUNTIME_CONTEXT = `OpenClaw runtime context for the immediately preceding user message.
This context is runtime-generated.

<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>
${EVENT}
<<<END_OPENCLAW_INTERNAL_CONTEXT>>>`;

async function read(...messages: readonly (readonly [role: string, content: string])[]): Promise<ChatRequest> {
  const body = { model: "echo", messages: messages.map(([role, content]) => ({ role, content })) };
  const request = Object.assign(Readable.from([Buffer.from(JSON.stringify(body))]), {
    method: "POST",
    url: "/v1/chat/completions",
  });
  return (await readChatRequest(request as unknown as IncomingMessage))!;
}

const QUESTION = ["user", "hello [[say id=A]]"] as const;

test.each([
  ["before it, as 2026.5.28 does", [["user", RUNTIME_CONTEXT], QUESTION]],
  ["before it without marks", [["user", RUNTIME_CONTEXT.replaceAll(/<<<.*>>>/g, "").trim()], QUESTION]],
  ["after it, as 2026.7.1 does", [QUESTION, ["user", RUNTIME_CONTEXT]]],
  ["in it, as 2026.5.7 does", [["user", `${EVENT}\n\n${QUESTION[1]}`]]],
] as const)(
  "the question is the user's where the gateway adds events %s, and the model sees the events",
  async (_, turn) => {
    const { question, userText } = await read(["assistant", "earlier"], ...turn);
    expect(question).toBe(QUESTION[1]);
    expect(userText).toContain("EVENT1");
  },
);

test("a message that was not answered is not part of the next one", async () => {
  const { question, userText } = await read(["user", "earlier [[say id=B]]"], QUESTION);
  expect(question).toBe(QUESTION[1]);
  expect(userText).not.toContain("earlier");
});
