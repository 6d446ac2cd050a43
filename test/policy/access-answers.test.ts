import { expect, test } from "vitest";
import { accessOf } from "../../src/policy/access.ts";
import { allowedRows, answersAllowedSession } from "../../src/policy/access-answers.ts";
import { canonicalSessionKey, usableSessionKey } from "../../src/policy/session-key.ts";

const access = accessOf([{ match: {}, sessions: ["agent:main:mine"], methods: [] }], { role: "operator", scopes: [] })!;
const canonical = (value: unknown) => {
  const key = usableSessionKey(value);
  return key && canonicalSessionKey(key);
};
const rows = (payload: unknown) => allowedRows(payload, access, canonical);

test("the answer loses rows of other sessions at any depth, and its count follows", () => {
  const answer = {
    path: "x",
    count: 3,
    sessions: [
      { key: "agent:main:mine", childSessions: ["agent:main:other", "agent:main:mine"], spawnedBy: "agent:main:other" },
      { key: "agent:main:other", text: "secret" },
      { key: "global" },
    ],
    agents: [{ agentId: "main", sessions: { recent: [{ key: "agent:main:other" }, { sessionKey: "mine", n: 1 }] } }],
    byKey: { "agent:main:other": 1, "agent:main:mine": 2, global: { of: "settings" } },
    current: { key: "agent:main:other", text: "secret" },
    parentSessionKey: "agent:main:other",
  };
  expect(rows(answer)).toEqual({
    path: "x",
    count: 1,
    sessions: [{ key: "agent:main:mine", childSessions: ["agent:main:mine"] }],
    agents: [{ agentId: "main", sessions: { recent: [{ sessionKey: "mine", n: 1 }] } }],
    byKey: { "agent:main:mine": 2, global: { of: "settings" } },
  });
});

test("the answer keeps what is not a session, and the gateway's own object does not change", () => {
  const answer = { list: [{ key: "theme", value: 1 }, "global", null, 5], at: new Date(0), nothing: undefined };
  expect(rows(answer)).toEqual({ ...answer, at: "1970-01-01T00:00:00.000Z" });
  expect(answer.list).toHaveLength(4);
  for (const value of [undefined, null, 5, "agent:main:other"]) expect(rows(value)).toBe(value);
});

test("the answer loses rows whose key is malformed", () => {
  expect(rows([{ sessionKey: 5 }, { sessionKey: "a\u0000" }, { sessionKey: {} }])).toEqual([]);
});

test("the answer is refused if the session that it names is not allowed", () => {
  const allowed = (payload: unknown) => answersAllowedSession(payload, access, canonical);
  expect([{}, null, "x", { key: "mine" }, { sessionKey: "agent:main:mine" }].map(allowed)).toEqual(
    Array.from({ length: 5 }, () => true),
  );
  expect([{ key: "other" }, { key: "mine", sessionKey: "other" }, { sessionKey: 7 }].map(allowed)).toEqual([
    false,
    false,
    false,
  ]);
});

test("the answer keeps the transcript as it is, and loses the row's relatives", () => {
  const messages = [
    { role: "user", provenance: { sourceSessionKey: "agent:main:other" }, content: ["agent:main:other"] },
  ];
  expect(
    rows({
      sessionKey: "agent:main:mine",
      messages,
      sessionInfo: { key: "agent:main:mine", parentSessionKey: "other" },
    }),
  ).toEqual({ sessionKey: "agent:main:mine", messages, sessionInfo: { key: "agent:main:mine" } });
});

test("the answer loses the approvals of other sessions, and counts the recent sessions that are left", () => {
  const approvals = [
    { id: 1, sourceSessionKey: "agent:main:other" },
    { id: 2, sourceSessionKey: "agent:main:mine" },
    { id: 3 },
  ];
  expect(rows({ approvalReplay: { sessionKey: "agent:main:mine", approvals } })).toEqual({
    approvalReplay: { sessionKey: "agent:main:mine", approvals: approvals.slice(1) },
  });
  expect(rows({ sessions: { count: 2, recent: [{ key: "agent:main:other" }, { key: "agent:main:mine" }] } })).toEqual({
    sessions: { count: 1, recent: [{ key: "agent:main:mine" }] },
  });
});

test("the key of a global session means the session of the agent next to it", () => {
  const keyOf = (value: unknown, agentId?: string) => (value === "global" ? `agent:${agentId ?? "main"}:global` : "");
  const ops = { allows: (key: string) => key === "agent:ops:global" };
  const row = { sessionKey: "global", agentId: "ops", parentSessionKey: "global" };
  expect(allowedRows(row, ops, keyOf)).toEqual({ sessionKey: "global", agentId: "ops" });
});

test("an answer with one message keeps it as it is", () => {
  const message = { content: [{ arguments: { sessionKey: "agent:main:other" } }] };
  expect(rows({ sessionKey: "agent:main:mine", message })).toEqual({ sessionKey: "agent:main:mine", message });
});
