/** A stand-in for Telegram's Bot API. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Channel } from "./channel.ts";
import { closed, listen } from "../within.ts";

const FRIEND = 4242;
const TOKEN = "1234567:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";
const POLL_MS = 20_000;

/** Starts the server. Releases from 2026.5 on can be told its address, and have no Signal built in later. */
export async function startTelegram(): Promise<Channel> {
  const sent: { at: number; text: string }[] = [];
  const updates: object[] = [];
  let polls = 0;
  let answerPoll = (): void => {};
  const person = { id: FRIEND, is_bot: false, first_name: "Friend" };
  const chat = { id: FRIEND, type: "private", first_name: "Friend" };
  const now = (): number => Math.floor(Date.now() / 1000);

  const poll = async (): Promise<object[]> => {
    polls += 1;
    if (updates.length === 0) {
      const woken = Promise.withResolvers<void>();
      answerPoll = woken.resolve;
      const timer = setTimeout(woken.resolve, POLL_MS);
      await woken.promise;
      clearTimeout(timer);
    }
    return updates.splice(0);
  };
  const results: Readonly<Record<string, (body: { text?: string }) => unknown>> = {
    getMe: () => ({ id: 1_234_567, is_bot: true, first_name: "Bot", username: "test_bot" }),
    getUpdates: poll,
    sendMessage: ({ text = "" }) => {
      sent.push({ at: Date.now(), text });
      return { message_id: 1_000 + sent.length, date: now(), chat, text };
    },
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    const method = (request.url ?? "").split("?")[0]!.split("/").at(-1)!;
    const result = (await results[method]?.(body.startsWith("{") ? (JSON.parse(body) as object) : {})) ?? true;
    response.setHeader("content-type", "application/json").end(JSON.stringify({ ok: true, result }));
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const port = await listen(server);
  let update = 0;
  return {
    name: "telegram",
    friend: String(FRIEND),
    sent,
    get listening() {
      return polls > 0;
    },
    receive(text) {
      update += 1;
      updates.push({ update_id: update, message: { message_id: update, date: now(), chat, from: person, text } });
      answerPoll();
    },
    close: async () => {
      answerPoll();
      const over = closed(server);
      server.closeAllConnections();
      await over;
    },
    config: {
      channels: {
        telegram: {
          enabled: true,
          botToken: TOKEN,
          apiRoot: `http://127.0.0.1:${port}`,
          dmPolicy: "open",
          allowFrom: ["*"],
        },
      },
      plugins: { entries: { telegram: { enabled: true } } },
    },
  };
}
