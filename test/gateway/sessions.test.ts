/** The frames of a run go to the connections that claim its session, and to nobody else. */
import { expect, test } from "vitest";
import {
  answer,
  connect,
  connectByHand,
  contents,
  converse,
  expectInOrder,
  freshSession,
  gateways,
  offers,
  say,
  settle,
  traces,
} from "./contract.ts";
import type { Endpoint } from "../support/wire/clients.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";

const { plain, isolated } = gateways();

/** Two clients on a session each, in interleaved runs. */
async function interleaved(gateway: Endpoint) {
  const [one, two] = [freshSession(), freshSession()];
  const [first, second] = [await connect(gateway), await connectByHand(gateway)];
  const runs = await Promise.all([first.chat(one.key, say(one.id, 12)), second.chat(two.key, say(two.id, 12))]);
  await Promise.all([first.final(runs[0].runId), second.final(runs[1].runId)]);
  await settle();
  return { one, two, first, second, runs };
}

test("two clients on two sessions each receive their own run whole and nothing of the other's", async () => {
  const leak = await interleaved(plain);
  expect(traces(leak.first, leak.two)).not.toHaveLength(0);
  expect(traces(leak.second, leak.one)).not.toHaveLength(0);

  const { one, two, first, second, runs } = await interleaved(isolated);
  expect(traces(first, two)).toEqual([]);
  expect(traces(second, one)).toEqual([]);
  expect(first.text(runs[0].runId)).toBe(answer(one.id, 12));
  expect(second.text(runs[1].runId)).toBe(answer(two.id, 12));
  expectInOrder(first, runs[0].runId);
  expectInOrder(second, runs[1].runId);
  expect(first.frames.filter((frame) => frame.event === "agent").length).toBeGreaterThan(5);
});

test("two clients on one session both receive all of it, and nothing after they leave", async () => {
  const session = freshSession();
  const [sender, reader] = [await connect(isolated), await connect(isolated)];
  await reader.request("chat.history", { sessionKey: session.key });
  const { runId } = await sender.chat(session.key, say(session.id));
  await Promise.all([sender.final(runId), reader.final(runId)]);
  await settle();
  const runFrames = (client: typeof sender) =>
    contents(traces(client, session).filter((frame) => frame.event === "chat" || frame.event === "agent"));
  expect(runFrames(reader)).toEqual(runFrames(sender));
  expect(reader.text(runId)).toBe(answer(session.id));

  const unsubscribed = reader.request("sessions.messages.unsubscribe", { key: session.key });
  if (offers(reader, "sessions.messages.unsubscribe")) await unsubscribed;
  else await expect(unsubscribed).rejects.toThrow(); // the claim ends all the same
  const before = reader.frames.length;
  expect(await converse(sender, session.key, say(session.id))).toBe(answer(session.id));
  await settle();
  expect(traces({ ...reader, frames: reader.frames.slice(before) }, session)).toEqual([]);
});

test("a client that comes back without subscribing receives nothing more", async () => {
  const back = async (gateway: Endpoint) => {
    const session = freshSession();
    const [sender, reader] = [await connect(gateway), await connect(gateway)];
    await reader.request("chat.history", { sessionKey: session.key });
    await reader.close();
    const returned = await connect(gateway, { name: "returned" });
    await converse(sender, session.key, say(session.id));
    await settle();
    return traces(returned, session);
  };
  expect(await back(plain)).not.toHaveLength(0);
  expect(await back(isolated)).toEqual([]);
});

test("a client that disconnects in mid-run and comes back to its session receives the rest", async () => {
  const session = freshSession();
  const first = await connect(isolated);
  const { runId } = await first.chat(session.key, say(session.id, 30, 60));
  await first.waitFor((frame) => frame.event === "chat", PATIENCE_MS, "the first delta");
  await first.close();
  const second = await connect(isolated);
  await second.request("chat.history", { sessionKey: session.key });
  await second.final(runId);
  expect(second.text(runId)).toBe(answer(session.id, 30));
});

test("a client on two sessions receives both", async () => {
  const [one, two] = [freshSession(), freshSession()];
  const client = await connect(isolated);
  const runs = await Promise.all([client.chat(one.key, say(one.id)), client.chat(two.key, say(two.id))]);
  await Promise.all(runs.map(({ runId }) => client.final(runId)));
  expect(client.text(runs[0].runId)).toBe(answer(one.id));
  expect(client.text(runs[1].runId)).toBe(answer(two.id));
});

test("the raw key `main` and agent:main:main are one session, and it is closed to others", async () => {
  const id = freshSession().id;
  const [raw, qualified, other] = [await connect(isolated), await connect(isolated), await connect(isolated)];
  await qualified.request("chat.history", { sessionKey: "agent:main:main" });
  await other.request("chat.history", { sessionKey: freshSession().key });
  const { runId } = await raw.chat("main", say(id));
  await Promise.all([raw.final(runId), qualified.final(runId)]);
  expect([raw.text(runId), qualified.text(runId)]).toEqual([answer(id), answer(id)]);
  await settle();
  expect(other.eventsWith(id)).toEqual([]);
  expect(other.frames.filter((frame) => frame.event === "chat" || frame.event === "agent")).toEqual([]);
});

test.each([
  ["letter case", (key: string) => key.replace("agent:main:", "agent:MAIN:")],
  ["surrounding blanks", (key: string) => `  ${key} `],
])("a session reaches the client that wrote its key with other %s", async (_, written) => {
  const session = freshSession();
  const [writer, bystander] = [await connect(isolated), await connect(isolated)];
  const { runId } = await writer.chat(written(session.key), say(session.id));
  await writer.final(runId);
  expect(writer.text(runId)).toBe(answer(session.id));
  await settle();
  expect(traces(bystander, session)).toEqual([]);
});

test("a session of another agent is as closed as any", async () => {
  const across = async (gateway: Endpoint) => {
    const session = { ...freshSession(), key: `agent:other:${freshSession().id.toLowerCase()}` };
    const [sender, neighbour] = [await connect(gateway), await connect(gateway)];
    await neighbour.request("chat.history", { sessionKey: session.key.replace("agent:other:", "agent:main:") });
    expect(await converse(sender, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
    await settle();
    return traces(neighbour, session);
  };
  expect(await across(plain)).not.toHaveLength(0);
  expect(await across(isolated)).toEqual([]);
});
