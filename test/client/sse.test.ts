/** A chat as a body for HTTP. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { delta, final, KEY, open, plays } from "./open-client.ts";

const chat = { sessionKey: KEY, message: "m", usage: false };

test("toSSE writes each event as one server-sent event and closes after the last", async () => {
  const { client } = await open({
    "chat.send": plays((params, peer) => peer.event("chat", final(params, 1, 'a "quoted"\nline'))),
  });
  const run = client.chat(chat);
  const response = new Response(run.toSSE(), { headers: { "content-type": "text/event-stream" } });
  expect(await response.text()).toBe(
    [
      'event: text-delta\ndata: {"type":"text-delta","delta":"a \\"quoted\\"\\nline"}\n\n',
      'event: lifecycle\ndata: {"type":"lifecycle","phase":"end"}\n\n',
      'event: done\ndata: {"type":"done","text":"a \\"quoted\\"\\nline"}\n\n',
    ].join(""),
  );
});

test("toSSE fills silence with comments and loses no event by them", async () => {
  const { client } = await open({
    "chat.send": plays(async (params, peer) => {
      await sleep(150);
      peer.event("chat", final(params, 1, "x"));
    }),
  });
  const text = await new Response(client.chat(chat).toSSE({ keepAliveMs: 40 })).text();
  expect(text.startsWith(": \n\n: \n\n")).toBe(true);
  expect(text).toContain('"type":"done","text":"x"');
});

test.each(["toSSE", "toReadableStream"] as const)("cancelling %s aborts the run", async (form) => {
  const { gateway, client } = await open({
    "chat.send": plays((params, peer) => peer.event("chat", delta(params, 1, "x"))),
    "chat.abort": () => ({ aborted: true }),
  });
  const reader = client.chat(chat)[form]().getReader();
  expect((await reader.read()).done).toBe(false);
  await reader.cancel();
  await vi.waitFor(() => expect(gateway.count("chat.abort")).toBe(1));
});
