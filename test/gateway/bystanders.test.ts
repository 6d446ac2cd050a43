/** Connections that asked for nothing get nothing of any session, whatever they are. */
import { expect, test } from "vitest";
import type { Client, ConnectOptions, Endpoint } from "../support/wire/clients.ts";
import { createDevice } from "../support/gateway/device.ts";
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

/** Events that a connection may get unasked: they carry no session key, or the module takes it out. */
const KEYLESS =
  /^(connect\.challenge|tick|shutdown|health|presence|heartbeat|cron|task|portal\.changed|update\.available|chat\.metadata\.changed|config\.changed|skills\.changed|voicewake\..*|talk\.mode|(node|device)\.pair\..*|(plugins|users|models)\..*)$/;

async function watched(gateway: Endpoint, bystander: Client) {
  const session = freshSession();
  const sender = await connect(gateway);
  expect(await converse(sender, session.key, say(session.id))).toBe(answer(session.id));
  await settle();
  return traces(bystander, session);
}

const kinds: readonly [string, ConnectOptions][] = [
  ["that only connected", {}],
  ["with scope operator.read only", { scopes: ["operator.read"] }],
  ["with scope operator.admin", { scopes: ["operator.admin", "operator.read", "operator.write"] }],
  ["with the cap tool-events", { caps: ["tool-events"] }],
];

test.each(kinds)("a bystander %s receives only transport events without a key", async (_, options) => {
  expect(await watched(plain, await connect(plain, options))).not.toHaveLength(0);
  const bystander = await connectByHand(isolated, options);
  expect(await watched(isolated, bystander)).toEqual([]);
  expect(bystander.frames.map((frame) => frame.event).filter((event) => !KEYLESS.test(event))).toEqual([]);
  const ofTasks = bystander.frames.filter(({ event }) => event === "task" || event === "portal.changed");
  expect(JSON.stringify(ofTasks)).not.toContain("agent:main:");
});

test("a client with upstream's cap session-scoped-events receives its own session, subscribed or not, and no other", async () => {
  const [own, other] = [freshSession(), freshSession()];
  const capable = await connect(isolated, { caps: ["session-scoped-events"] });
  const sender = await connect(isolated);
  if (offers(capable, "sessions.messages.subscribe")) {
    await capable.request("sessions.messages.subscribe", { key: own.key });
  }
  const { runId } = await capable.chat(own.key, say(own.id));
  await converse(sender, other.key, say(other.id));
  await capable.final(runId);
  await settle();
  expect(capable.text(runId)).toBe(answer(own.id));
  expect(traces(capable, other)).toEqual([]);
});

/** Lets a node in: newer releases want its device paired by an operator first. */
async function connectNode(gateway: Endpoint) {
  const options = { role: "node", scopes: [], client: { id: "node-host", mode: "node" } };
  const plainly = await connectByHand(gateway, options).catch(() => undefined);
  if (plainly) return plainly;
  const device = createDevice();
  const first = await connectByHand(gateway, { ...options, device }).catch(() => undefined);
  if (first) return first;
  const operator = await connect(gateway, { scopes: ["operator.admin", "operator.pairing"] });
  const { pending } = (await operator.request("device.pair.list", {})) as {
    pending: { requestId: string; deviceId: string }[];
  };
  const asked = pending.find((each) => each.deviceId === device.deviceId);
  await operator.request("device.pair.approve", { requestId: asked?.requestId });
  return connectByHand(gateway, { ...options, device });
}

test("a node connection receives no frame of a session", async () => {
  // Without the module, only the oldest releases send nodes what they have not subscribed to.
  const node = await connectNode(isolated);
  expect(await watched(isolated, node)).toEqual([]);
});

test("a client of sessions.subscribe receives rows but no session.message of unclaimed sessions", async (context) => {
  const roster = await connect(isolated);
  if (!offers(roster, "sessions.subscribe")) return context.skip("this release has no sessions.subscribe");
  const shown = await connect(plain);
  await shown.request("sessions.subscribe", {});
  const leaks = await watched(plain, shown);
  expect(leaks.map((frame) => frame.event)).toContain("session.message");

  await roster.request("sessions.subscribe", {});
  const rows = await watched(isolated, roster);
  expect([...new Set(rows.map((frame) => frame.event))]).toEqual(["sessions.changed"]);
});

test("a client receives no more rows after sessions.unsubscribe", async (context) => {
  const roster = await connect(isolated); // that it brings rows before is the case above
  if (!offers(roster, "sessions.unsubscribe")) return context.skip("this release has no sessions.unsubscribe");
  await roster.request("sessions.subscribe", {});
  await roster.request("sessions.unsubscribe", {});
  expect(await watched(isolated, roster)).toEqual([]);
});

test("a client that lists sessions claims none", async () => {
  const session = freshSession();
  const [sender, browser] = [await connect(isolated), await connect(isolated)];
  await converse(sender, session.key, say(session.id));
  await browser.request("sessions.list", {});
  const before = browser.frames.length;
  await converse(sender, session.key, say(session.id));
  await settle();
  expect(traces({ ...browser, frames: browser.frames.slice(before) }, session)).toEqual([]);
});
