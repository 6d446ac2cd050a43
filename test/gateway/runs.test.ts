/** All that a run can bring reaches its own client, and only it: tools, errors, aborts, sub-agents. */
import { expect, test, vi } from "vitest";
import { type Client, type Endpoint, field } from "../support/wire/clients.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { answer, connect, freshSession, gateways, say, settle, traces } from "./contract.ts";

const { plain, isolated } = gateways();

/** Runs a message with a client on its session and one on another. */
async function run(
  gateway: Endpoint,
  message: (id: string) => string,
  during?: (client: Client, key: string, runId: string) => Promise<void>,
) {
  const session = freshSession();
  const [own, other] = [
    await connect(gateway, { caps: ["tool-events"] }),
    await connect(gateway, { caps: ["tool-events"] }),
  ];
  await other.request("chat.history", { sessionKey: freshSession().key });
  const { runId } = await own.chat(session.key, message(session.id));
  await during?.(own, session.key, runId);
  const final = await own.final(runId);
  await settle();
  return { session, own, other, runId, state: field(final, "state") };
}

test("a run's tool events reach its own client and no other", async () => {
  const message = (id: string) => `[[tool id=${id} cmd="echo made-by-${id}" n=6]]`;
  const leak = await run(plain, message);
  expect(traces(leak.other, leak.session)).not.toHaveLength(0);
  const toolEvents = (client: Client) =>
    client.frames.filter((frame) => frame.event === "agent" && field(frame, "stream") === "tool");

  const { session, own, other, runId, state } = await run(isolated, message);
  expect(state).toBe("final");
  expect(own.text(runId)).toBe(answer(session.id, 6));
  // 2026.2 sends a chat's tool events only at verbose levels: as many with the module as without.
  expect(toolEvents(own)).toHaveLength(toolEvents(leak.own).length);
  expect(traces(other, session)).toEqual([]);
});

test("a run that the model refuses ends at its own client and reaches no other", async () => {
  const message = (id: string) => `[[error id=${id} status=400]]`;
  const { session, own, other, runId, state } = await run(isolated, message);
  // Some releases report a failed model call as an error, others as a final that says so.
  expect(["error", "final"]).toContain(state);
  expect(own.frames.some((frame) => frame.event === "agent" && field(frame, "runId") === runId)).toBe(true);
  expect(traces(other, session)).toEqual([]);
});

test("a run that chat.abort ends in mid-run ends at its own client and reaches no other", async () => {
  const message = (id: string) => say(id, 60, 100);
  const { session, own, other, runId, state } = await run(isolated, message, async (client, key, id) => {
    await client.waitFor(
      (frame) => frame.event === "chat" && field(frame, "runId") === id,
      PATIENCE_MS,
      "the first delta",
    );
    await client.request("chat.abort", { sessionKey: key, runId: id });
  });
  expect(state).toBe("aborted");
  expect(own.text(runId)).not.toContain(`${session.id}-59`);
  expect(traces(other, session)).toEqual([]);
});

test("an abort by another client of the session reaches both clients", async () => {
  const session = freshSession();
  // Newer releases let only the run's owner or an admin abort it.
  const [own, second] = [await connect(isolated), await connect(isolated, { scopes: ["operator.admin"] })];
  await second.request("chat.history", { sessionKey: session.key });
  const { runId } = await own.chat(session.key, say(session.id, 60, 100));
  await second.waitFor(
    (frame) => frame.event === "chat" && field(frame, "runId") === runId,
    PATIENCE_MS,
    "the first delta",
  );
  await second.request("chat.abort", { sessionKey: session.key, runId });
  expect(field(await own.final(runId), "state")).toBe("aborted");
  expect(field(await second.final(runId), "state")).toBe("aborted");
});

test("a message of chat.inject reaches the session's clients only", async () => {
  const session = freshSession();
  const admin = await connect(isolated, { scopes: ["operator.admin", "operator.read", "operator.write"] });
  const [reader, bystander] = [await connect(isolated), await connect(isolated)];
  const { runId } = await admin.chat(session.key, say(session.id, 2));
  await admin.final(runId);
  await reader.request("chat.history", { sessionKey: session.key });
  await admin.request("chat.inject", { sessionKey: session.key, message: `injected-${session.id}` });
  await reader.waitFor(
    (frame) => frame.event === "chat" && frame.json.includes(`injected-${session.id}`),
    PATIENCE_MS,
    "the injected message",
  );
  await settle();
  expect(traces(bystander, session)).toEqual([]);
});

/** Keys of the sub-agents' sessions that the gateway lists. */
async function subAgents(client: Client): Promise<string[]> {
  const { sessions } = (await client.request("sessions.list", {})) as { sessions: { key: string }[] };
  return sessions.map(({ key }) => key).filter((key) => key.includes(":subagent:"));
}

test("a client receives the frames of its own sub-agent as on the control gateway, and no other client does", async () => {
  const spawn = async (gateway: Endpoint) => {
    const [parent, child] = [freshSession(), freshSession()];
    const [own, other] = [await connect(gateway), await connect(gateway)];
    await other.request("chat.history", { sessionKey: freshSession().key });
    const before = await subAgents(own);
    const { runId } = await own.chat(parent.key, `[[spawn id=${parent.id} child=${child.id} n=4]]`);
    await own.final(runId);
    const [key] = await vi.waitFor(
      async () => {
        const added = (await subAgents(own)).filter((each) => !before.includes(each));
        expect(added).toHaveLength(1);
        return added;
      },
      { timeout: PATIENCE_MS, interval: 500 },
    );
    // Its history holds an answer once the sub-agent's run is over; only now is reading it a claim.
    const reader = await connect(gateway);
    const answered = async (): Promise<void> =>
      expect(JSON.stringify(await reader.request("chat.history", { sessionKey: key }))).toContain('"assistant"');
    await vi.waitFor(answered, { timeout: PATIENCE_MS, interval: 500 });
    await settle();
    const childFrames = (client: Client) => client.frames.filter((frame) => field(frame, "sessionKey") === key);
    return { own: childFrames(own), other: childFrames(other), traces: traces(other, child) };
  };
  const leak = await spawn(plain);
  expect(leak.other).not.toHaveLength(0);
  const closed = await spawn(isolated);
  expect(closed).toMatchObject({ other: [], traces: [] });
  if (capabilities(isolated.release).namesSpawningSession) {
    expect(leak.own).not.toHaveLength(0);
    expect(closed.own).not.toHaveLength(0);
  }
});
