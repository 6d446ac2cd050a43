/** How claims begin and end. */
import { expect, test } from "vitest";
import { type Client, type Endpoint, field } from "../support/wire/clients.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import {
  answer,
  connect,
  connectByHand,
  converse,
  freshSession,
  gateways,
  offers,
  say,
  settle,
  traces,
} from "./contract.ts";

const { plain, isolated } = gateways();
const ADMIN = { scopes: ["operator.admin", "operator.read", "operator.write"] };

/** What a client sees of one more run in a session, from now on. */
async function seesOfNextRun(client: Client, session: { key: string; id: string }, gateway = isolated) {
  const before = client.frames.length;
  const sender = await connect(gateway);
  expect(await converse(sender, session.key, say(session.id))).toBe(answer(session.id));
  await settle();
  return traces({ ...client, frames: client.frames.slice(before) }, session);
}

const rejected: readonly [string, (key: string) => object][] = [
  ["chat.history", (key) => ({ sessionKey: key, limit: "many" })],
  ["chat.history", (key) => ({ sessionKey: key, nonsense: true })],
  ["chat.send", (key) => ({ sessionKey: key, message: "hi" })], // no idempotency key
  ["chat.abort", (key) => ({ sessionKey: key, runId: 7 })],
  ["chat.inject", (key) => ({ sessionKey: key, message: 7 })],
  ["sessions.preview", (key) => ({ keys: [key], limit: "many" })],
  ["agent", (key) => ({ sessionKey: key, message: 7 })],
];

test.each(rejected)("a rejected %s leaves no claim (%#)", async (method, params) => {
  const session = freshSession();
  const client = await connect(isolated);
  await expect(client.request(method, params(session.key))).rejects.toThrow();
  expect(await seesOfNextRun(client, session)).toEqual([]);
});

test("a request beyond the client's scopes leaves no claim", async () => {
  const session = freshSession();
  const client = await connect(isolated, { scopes: ["operator.read"] });
  await expect(client.chat(session.key, "hi")).rejects.toThrow(/scope/);
  expect(await seesOfNextRun(client, session)).toEqual([]);
});

const reading: readonly [string, (key: string) => object][] = [
  ["chat.history", (key) => ({ sessionKey: key })],
  ["chat.startup", (key) => ({ sessionKey: key })],
  ["sessions.preview", (key) => ({ keys: [key] })],
  ["sessions.get", (key) => ({ key })],
  ["sessions.messages.subscribe", (key) => ({ key })],
];

test.each(reading)("%s claims the session", async (method, params) => {
  const session = freshSession();
  const [client, sender] = [await connect(isolated), await connect(isolated)];
  await converse(sender, session.key, say(session.id));
  const accepted = await client.request(method, params(session.key)).then(
    () => true,
    () => false,
  );
  // Where the release does not know the method it is a rejected request like any other.
  expect(accepted || !offers(client, method)).toBe(true);
  const seen = await seesOfNextRun(client, session);
  expect(seen.some((frame) => frame.event === "chat")).toBe(accepted);
});

test.each([
  ["the session that it names", (key: string) => ({ sessionKey: key })],
  ["the main session of the agent that it names", () => ({ agentId: "other" })],
])("`agent` claims %s", async (_, target) => {
  const session = freshSession();
  const client = await connect(isolated);
  const params = { message: say(session.id), idempotencyKey: session.id, ...target(session.key) };
  const { runId } = (await client.request("agent", params)) as { runId: string };
  const { payload } = await client.waitFor(
    (frame) => frame.event === "agent" && field(frame, "runId") === runId && field(frame, "stream") === "lifecycle",
    PATIENCE_MS,
    "the run's lifecycle",
  );
  expect(payload).toMatchObject({ runId });
  await client.waitFor((frame) => frame.json.includes(`${session.id}-7`), PATIENCE_MS, "the last chunk");
});

test("sessions.create claims the key that the gateway chose", async (context) => {
  const client = await connect(isolated, ADMIN);
  if (!offers(client, "sessions.create")) return context.skip("this release has no sessions.create");
  const { key } = (await client.request("sessions.create", {})) as { key: string };
  const session = { key, id: freshSession().id };
  const seen = await seesOfNextRun(client, session);
  expect(seen.some((frame) => frame.event === "chat")).toBe(true);
});

test("sessions.create claims no session of another agent than the one next to its key", async (context) => {
  const session = freshSession();
  const [, , key] = session.key.split(":");
  const creates = async (gateway: Endpoint): Promise<number> => {
    const client = await connect(gateway, ADMIN);
    const made = await client.request("sessions.create", { key, agentId: "other" });
    expect(made).toMatchObject({ key: `agent:other:${key}` });
    return (await seesOfNextRun(client, session, gateway)).length;
  };
  if (!offers(await connect(isolated), "sessions.create")) return context.skip("this release has no sessions.create");
  expect(await creates(plain)).toBeGreaterThan(0);
  expect(await creates(isolated)).toBe(0);
});

test("a reset session keeps its claims and a deleted session loses them", async () => {
  const session = freshSession();
  const [reader, admin] = [await connect(isolated), await connect(isolated, ADMIN)];
  await converse(admin, session.key, say(session.id));
  await reader.request("chat.history", { sessionKey: session.key });
  await admin.request("sessions.reset", { key: session.key });
  expect((await seesOfNextRun(reader, session)).some((frame) => frame.event === "chat")).toBe(true);
  await admin.request("sessions.delete", { key: session.key });
  await settle();
  expect(await seesOfNextRun(reader, session)).toEqual([]);
  expect(await seesOfNextRun(admin, session)).toEqual([]);
  await reader.request("chat.history", { sessionKey: session.key });
  expect(await seesOfNextRun(reader, session)).not.toHaveLength(0);
});

test("the control gateway sends the same run to every client", async () => {
  const session = freshSession();
  const client = await connectByHand(plain);
  await expect(client.request("chat.history", { sessionKey: session.key, limit: "many" })).rejects.toThrow();
  expect(await seesOfNextRun(client, session, plain)).not.toHaveLength(0);
});
