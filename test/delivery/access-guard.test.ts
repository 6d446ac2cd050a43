/** The guard on the real composition: what is known of a connection can change. */
import { expect, test } from "vitest";
import { parseSettings } from "../../src/policy/settings.ts";
import { scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { type FakeClient, fakeClient, perConnection } from "../support/stand-in/stand-ins.ts";

const KEY = "agent:main:ada:x";
const access = [{ match: { user: "ada" }, sessions: ["agent:main:{user}:*"] }];

function refusal(gateway: ReturnType<typeof scopedGateway>, client: FakeClient, method: string, params: object) {
  const admission = gateway.scope.access.admit(client, method, params);
  return admission && "refuse" in admission ? admission.refuse : undefined;
}

test("a denial has upstream's shape and is counted", () => {
  const gateway = scopedGateway(perConnection, { settings: { access } });
  const client = gateway.connect("c");
  expect(refusal(gateway, client, "chat.history", { sessionKey: KEY })).toEqual({
    code: "FORBIDDEN",
    message: expect.stringContaining("session access denied: chat.history"),
    retryable: false,
    details: { reason: "session-access-denied", method: "chat.history" },
  });
  expect(refusal(gateway, client, "cron.list", {})?.message).toContain("not bound to a session");
  expect(gateway.scope.status().events).toEqual({ "(request)": { "access-denied": 2 } });
});

test("a user who becomes known gets the sessions then, and one who is no longer known loses the claims", () => {
  const gateway = scopedGateway(perConnection, { settings: { access } });
  const client = gateway.connect("c") as FakeClient & { authenticatedUserId?: string };
  const ask = () => refusal(gateway, client, "chat.history", { sessionKey: KEY });
  expect(ask()?.code).toBe("FORBIDDEN");
  client.authenticatedUserId = "ada";
  expect(ask()).toBeUndefined();
  gateway.accepted(client, "chat.history", { sessionKey: KEY });
  expect(gateway.scope.status().claims).toBe(1);
  client.authenticatedUserId = "eve";
  expect(ask()?.code).toBe("FORBIDDEN");
  expect(gateway.scope.status().claims).toBe(0);
});

/** One request of a connection under the rules, and a way to answer it. */
function asked(gateway: ReturnType<typeof scopedGateway>, client: FakeClient, method: string) {
  const admission = gateway.scope.access.admit(client, method, {});
  if (!admission || "refuse" in admission) throw new Error("the answers are not looked at");
  return (payload: unknown) => admission.answering!({ ok: true, payload });
}

const FORBIDDEN = { ok: false, error: { code: "FORBIDDEN" } };

test("an answer is checked by the rules of the moment at which it comes", () => {
  const gateway = scopedGateway(perConnection, { settings: { access: [{ sessions: ["agent:main:*"] }] } });
  const client = gateway.connect("c");
  const answer = asked(gateway, client, "sessions.create");
  expect(answer({ key: KEY, sessions: [{ key: KEY }, { key: "agent:x:y" }] })).toEqual({
    ok: true,
    payload: { key: KEY, sessions: [{ key: KEY }] },
  });
  gateway.scope.access.update(parseSettings({ access: [{ sessions: ["agent:main:main"] }] }));
  expect(answer({ key: KEY })).toMatchObject(FORBIDDEN);
  gateway.scope.access.update(parseSettings({}));
  expect(asked(scopedGateway(perConnection, { settings: { access } }), client, "sessions.create")).toBeDefined();
});

test("an answer that could not be checked is refused and counted", () => {
  const gateway = scopedGateway(perConnection, { settings: { access: [{ sessions: ["agent:main:*"] }] } });
  const broken = {
    get sessions(): never {
      throw new Error("upstream's");
    },
  };
  expect(asked(gateway, gateway.connect("c"), "sessions.create")(broken)).toMatchObject(FORBIDDEN);
  expect(gateway.scope.status().events).toEqual({ "(request)": { error: 1 } });
});

test("a refusal holds for every answer that is still to come, as `agent` gives two", () => {
  const gateway = scopedGateway(perConnection, { settings: { access: [{ sessions: ["agent:main:ada:*"] }] } });
  const answer = asked(gateway, gateway.connect("c"), "sessions.create");
  expect(answer({ key: "agent:main:eve:x" })).toMatchObject(FORBIDDEN);
  expect(answer({ key: KEY, text: "the reply" })).toMatchObject(FORBIDDEN);
  expect(answer({ text: "the reply" })).toMatchObject(FORBIDDEN);
});

test("requests are not checked without rules, with all sessions, and for nodes", () => {
  const free = scopedGateway(perConnection);
  expect(free.scope.access.admit(free.connect("c"), "cron.list", {})).toBeUndefined();
  const ruled = scopedGateway(perConnection, { settings: { access: [{ sessions: ["*"] }] } });
  expect(ruled.scope.access.admit(ruled.connect("c"), "cron.list", {})).toBeUndefined();
  const node = fakeClient("n", { role: "node" });
  ruled.clients.add(node);
  expect(ruled.scope.access.admit(node, "node.event", {})).toBeUndefined();
  // Even if it got as far as a claim, it would come to nothing.
  ruled.accepted(node, "chat.history", { sessionKey: KEY });
  expect(ruled.scope.status().claims).toBe(0);
});
