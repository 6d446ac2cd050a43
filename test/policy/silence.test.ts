import fc from "fast-check";
import { expect, test } from "vitest";
import { isObserver, type ConnectionFacts } from "../../src/policy/connection-match.ts";
import { parseSettings } from "../../src/policy/settings.ts";
import {
  calledItself,
  listensInVain,
  observerEntry,
  silentLine,
  type Traffic,
  visibleJson,
} from "../../src/policy/silence.ts";

const FACTS: ConnectionFacts = {
  clientId: "cli",
  mode: "cli",
  displayName: "OpenClaw MCP",
  role: "operator",
  scopes: ["operator.read"],
};
const SILENT: Traffic = {
  facts: FACTS,
  caps: [],
  asked: false,
  claims: 0,
  observer: false,
  restricted: false,
  delivered: 0,
  withheld: 1,
};

test.each<[string, Partial<Traffic>, boolean]>([
  ["has asked for nothing while events were withheld from it", {}, true],
  ["had no event withheld from it", { withheld: 0 }, false],
  ["has had an event, such as one of a run that it took up", { delivered: 1 }, false],
  ["has asked for a session", { asked: true }, false],
  ["claims a session", { claims: 1 }, false],
  ["is an observer", { observer: true }, false],
  ["is restricted by the access rules", { restricted: true }, false],
  ["asked the release for its own sessions only", { caps: ["x", "session-scoped-events"] }, false],
  ["is a node", { facts: { ...FACTS, role: "node" } }, false],
  ["has no scope for events of sessions", { facts: { ...FACTS, scopes: ["operator.approvals"] } }, false],
  ["has an admin's scope only", { facts: { ...FACTS, scopes: ["operator.admin"] } }, true],
])("a connection that %s listens in vain or not, as expected", (_, change, expected) => {
  expect(listensInVain({ ...SILENT, ...change })).toBe(expected);
});

test("the entry for a client names what only its kind calls itself, else its device, else its id and mode", () => {
  const [bare, device] = [{ ...FACTS, displayName: undefined }, { deviceId: "d1" }];
  expect(observerEntry({ ...FACTS, ...device, userAgent: "x/1" })).toEqual({
    clientId: "cli",
    mode: "cli",
    displayName: "OpenClaw MCP",
  });
  expect(observerEntry({ ...bare, ...device, userAgent: "x/1" })).toEqual({
    clientId: "cli",
    mode: "cli",
    userAgent: "x/1",
  });
  expect(observerEntry({ ...bare, ...device })).toEqual(device);
  expect(observerEntry(bare)).toEqual({ clientId: "cli", mode: "cli" });
  expect(observerEntry({ role: "operator", scopes: [] })).toBeUndefined();
});

const word = fc.option(fc.string({ minLength: 1, maxLength: 256, unit: "binary" }), { nil: undefined });

test("the entry for a client, read back from its line, is a valid setting and matches that client", () => {
  const facts = fc.record({ clientId: word, mode: word, displayName: word, userAgent: word, deviceId: word });
  fc.assert(
    fc.property(facts, (words) => {
      const own: ConnectionFacts = { ...words, role: "operator", scopes: [] };
      const entry = observerEntry(own);
      fc.pre(entry !== undefined);
      const { observers } = parseSettings({ observers: [JSON.parse(visibleJson(entry))] });
      expect(isObserver(own, observers)).toBe(true);
    }),
  );
});

test("nothing that a client calls itself can end its line, hide in it, or make it long", () => {
  const hostile = fc.string({ maxLength: 600, unit: "binary" });
  const self = fc.record({ id: hostile, mode: hostile, displayName: hostile, userAgent: hostile, version: hostile });
  fc.assert(
    fc.property(self, (words) => {
      const observe = { displayName: words.displayName.slice(0, 256) };
      const line = silentLine({ ...words, withheld: 3, observe });
      expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect(line.length).toBeLessThan(12 * (4 * 80 + 256) + 500);
    }),
  );
  expect(calledItself({ id: "cli", mode: "cli", displayName: 'a"\n[event-isolation] b\u202e' })).toBe(
    String.raw`"a\"\n[event-isolation] b\u202e" (cli/cli)`,
  );
  expect(calledItself({ displayName: "x".repeat(1_000_000), version: "1" }).length).toBeLessThan(200);
});
