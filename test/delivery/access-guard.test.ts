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

test("a denial has upstream's shape, and is counted", () => {
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

test("a user who is known only later gets the sessions then; one who is known no more loses the claims", () => {
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

test("an answer is looked at by the rules of the moment it comes", () => {
  const gateway = scopedGateway(perConnection, { settings: { access: [{ sessions: ["agent:main:*"] }] } });
  const client = gateway.connect("c");
  const admission = gateway.scope.access.admit(client, "sessions.create", {});
  if (!admission || !("answered" in admission)) throw new Error("not looked at");
  expect(admission.answered({ key: KEY, sessions: [{ key: KEY }, { key: "agent:x:y" }] })).toEqual({
    payload: { key: KEY, sessions: [{ key: KEY }] },
  });
  const broken = {
    get sessions(): never {
      throw new Error("upstream's");
    },
  };
  expect(admission.answered(broken)).toMatchObject({ refuse: { code: "FORBIDDEN" } });
  expect(gateway.scope.status().events).toEqual({ "(request)": { error: 1 } });
  gateway.scope.access.update(parseSettings({ access: [{ sessions: ["agent:main:main"] }] }));
  expect(admission.answered({ key: KEY })).toMatchObject({ refuse: { code: "FORBIDDEN" } });
  gateway.scope.access.update(parseSettings({}));
  expect(admission.answered({ key: KEY })).toEqual({ payload: { key: KEY } });
  gateway.clients.delete(client);
  expect(admission.answered({ key: KEY })).toMatchObject({ refuse: { code: "FORBIDDEN" } });
});

test("without rules, with all sessions, and for nodes, requests are not looked at", () => {
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
