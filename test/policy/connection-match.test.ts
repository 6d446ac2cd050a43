import { expect, test } from "vitest";
import {
  type ConnectionFacts,
  type ConnectionMatch,
  isObserver,
  matchesConnection,
} from "../../src/policy/connection-match.ts";

const FACTS: ConnectionFacts = {
  clientId: "dash",
  mode: "ui",
  displayName: "Dash board",
  userAgent: "dash/1.0",
  deviceId: "d1",
  user: "ada",
  profile: "p1",
  role: "operator",
  scopes: ["operator.read", "operator.write"],
};

test.each<[ConnectionMatch, boolean]>([
  [{}, true],
  [{ clientId: "dash" }, true],
  [{ clientId: "dash", mode: "ui", deviceId: "d1", user: "ada", profile: "p1", role: "operator" }, true],
  [{ displayName: "Dash board", userAgent: "dash/1.0" }, true],
  [{ displayName: "Dash*" }, false],
  [{ userAgent: "dash/1" }, false],
  [{ scope: "operator.write" }, true],
  [{ scope: "operator.admin" }, false],
  [{ scope: "operator" }, false],
  [{ clientId: "dash", mode: "cli" }, false],
  [{ deviceId: "D1" }, false],
  [{ role: "node" }, false],
])("the match %j fits the connection as expected: %j", (match, expected) => {
  expect(matchesConnection(match, FACTS)).toBe(expected);
});

test("a field that the connection does not have matches nothing", () => {
  const bare: ConnectionFacts = { role: "operator", scopes: [] };
  for (const name of ["clientId", "mode", "displayName", "userAgent", "deviceId", "user", "profile"])
    expect(matchesConnection({ [name]: "undefined" }, bare)).toBe(false);
});

test("only operators can be observers", () => {
  expect(isObserver(FACTS, [{ mode: "x" }, { mode: "ui" }])).toBe(true);
  expect(isObserver({ ...FACTS, role: "node" }, [{ mode: "ui" }])).toBe(false);
  expect(isObserver(FACTS, [])).toBe(false);
});
