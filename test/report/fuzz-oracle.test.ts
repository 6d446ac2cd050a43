/** The fuzzer's judge: what it calls a finding, and what the right of a connection. */
import { expect, test } from "vitest";
import { judge, type Log, type Sent } from "../../scripts/fuzz/oracle.ts";

const VICTIM = { key: "agent:main:victim-1", token: "tsecret" };

const event = (name: string, payload: unknown): string => JSON.stringify({ type: "event", event: name, payload });
const answer = (id: string, ok: boolean, rest: object): string => JSON.stringify({ type: "res", id, ok, ...rest });

function findings(lines: readonly string[], sent: readonly Sent[] = []): string[] {
  const log: Log = { name: "hostile", lines, sent };
  return judge(log, [VICTIM]).findings.map((each) => each.event);
}

test.each([
  ["its key under another name", event("task", { task: { childSessionKey: VICTIM.key } })],
  ["its key as the name of a field", event("anything", { rows: { [VICTIM.key]: 1 } })],
  ["its words in an event for everybody", event("presence", { presence: [{ text: `so ${VICTIM.token}` }] })],
  ["its key where no status lists sessions", event("health", { note: VICTIM.key })],
])("an event with %s is a finding at a connection that claims nothing", (_, line) => {
  expect(findings([line])).toHaveLength(1);
});

test("an event is the right of a connection that opened the session, and a finding after it left", () => {
  const sent: Sent[] = [
    { after: 0, id: "1", method: "chat.history", params: { sessionKey: VICTIM.key } },
    { after: 2, id: "2", method: "sessions.messages.unsubscribe", params: { key: VICTIM.key } },
  ];
  const chat = event("chat", { sessionKey: VICTIM.key });
  const lines = [answer("1", true, { payload: {} }), chat, answer("2", true, {}), chat];
  expect(judge({ name: "hostile", lines, sent }, [VICTIM])).toMatchObject({ rightful: 1, findings: [{ line: 3 }] });
});

test("a device that comes back may have the sessions that it had open, except those that it left", () => {
  const chat = event("chat", { sessionKey: VICTIM.key });
  const asked: Sent = { after: 0, id: "1", method: "chat.history", params: { sessionKey: VICTIM.key } };
  const left: Sent = { after: 0, id: "2", method: "sessions.messages.unsubscribe", params: { key: VICTIM.key } };
  const after = (sent: readonly Sent[] | undefined, first: Partial<Log> = {}) =>
    judge({ name: "again", lines: [chat], sent: [], resumes: sent && { name: "first", lines: [], sent, ...first } }, [
      VICTIM,
    ]);
  expect(after(undefined).findings).toHaveLength(1);
  expect(after([asked]).findings).toEqual([]);
  expect(after([asked, left]).findings).toHaveLength(1);
  expect(after([left, asked]).findings).toEqual([]);
  // The gateway may not have seen the end of a connection that broke.
  expect(after([asked, left], { killed: true }).findings).toEqual([]);
  expect(after([asked, left], { killed: true, lines: [answer("2", true, {})] }).findings).toHaveLength(1);
});

test("chat.subscribe opens its session where the release does not know it, and nothing where it is refused otherwise", () => {
  const sent: Sent[] = [{ after: 0, id: "1", method: "chat.subscribe", params: { sessionKey: VICTIM.key } }];
  const chat = event("chat", { sessionKey: VICTIM.key });
  const refusal = (message: string): string => answer("1", false, { error: { code: "NO", message } });
  expect(findings([refusal("unknown method: chat.subscribe"), chat], sent)).toEqual([]);
  expect(findings([refusal("missing scope: operator.admin"), chat], sent)).toEqual([]);
  expect(findings([refusal("missing scope: operator.read"), chat], sent)).toEqual(["chat"]);
});

test("the snapshot in hello-ok is judged like an event", () => {
  const hello = (snapshot: object): string => answer("0", true, { payload: { type: "hello-ok", snapshot } });
  expect(findings([hello({ presence: [{ text: VICTIM.token }] })])).toEqual(["hello-ok"]);
  expect(findings([hello({ presence: [] })])).toEqual([]);
});

test("a refusal may repeat what its request named, and no more of a session", () => {
  const sent: Sent[] = [{ after: 0, id: "1", method: "sessions.resolve", params: { key: VICTIM.key } }];
  const refusal = (message: string): string => answer("1", false, { error: { code: "NO", message } });
  expect(findings([refusal(`no session ${VICTIM.key}`)], sent)).toEqual([]);
  expect(findings([refusal(`taken by ${VICTIM.token}`)], sent)).toEqual(["refusal"]);
});
