import { describe, expect, test } from "vitest";
import { accessOf, type AccessRule, accessWarnings } from "../../src/policy/access.ts";
import type { ConnectionFacts, ConnectionMatch } from "../../src/policy/connection-match.ts";

const ADA: ConnectionFacts = { clientId: "chat", mode: "ui", deviceId: "d-ada", role: "operator", scopes: [] };
/** Ids as the gateway makes them, of a public key. */
const [DEVICE, OTHER_DEVICE] = ["9c1d".repeat(16), "0a2b".repeat(16)];
const BOB: ConnectionFacts = { ...ADA, deviceId: "d-bob" };

function rule(match: ConnectionMatch, sessions: string[], methods: string[] = []): AccessRule {
  return { match, sessions, methods };
}

describe("access", () => {
  test("a connection has access to everything without rules, and where its rule names all sessions", () => {
    expect(accessOf([], ADA)).toBeUndefined();
    expect(accessOf([rule({}, ["agent:x:y", "**"])], ADA)).toBeUndefined();
  });

  test("a connection that no rule fits has access to nothing", () => {
    const access = accessOf([rule({ deviceId: "d-ada" }, ["*"])], BOB)!;
    for (const key of ["agent:main:main", "global", "unknown", ""]) expect(access.allows(key)).toBe(false);
  });

  test("a connection has the access that the first rule fitting it gives, and no later one", () => {
    const rules = [
      rule({ deviceId: "d-ada" }, ["agent:main:ada-*"], ["cron.list"]),
      rule({}, ["agent:main:{deviceId}:*", "agent:main:{user}"]),
    ];
    const [ada, bob] = [accessOf(rules, ADA)!, accessOf(rules, BOB)!];
    expect([ada.allows("agent:main:ada-1"), ada.allows("agent:main:d-ada:1"), ada.methods.has("cron.list")]).toEqual([
      true,
      false,
      true,
    ]);
    expect([bob.allows("agent:main:ada-1"), bob.allows("agent:main:d-bob:1"), bob.methods.has("cron.list")]).toEqual([
      false,
      true,
      false,
    ]);
    expect(bob.allows("agent:main:{user}")).toBe(false);
  });

  test("a connection has access to nothing with an empty list or in another role than operator", () => {
    expect(accessOf([rule({}, []), rule({}, ["*"])], ADA)!.allows("agent:main:main")).toBe(false);
    expect(accessOf([rule({}, ["*"])], { ...ADA, role: "node" })!.allows("agent:main:main")).toBe(false);
  });

  test("access stays right for more keys than are remembered", () => {
    const access = accessOf([rule({}, ["agent:main:1*"])], ADA)!;
    const keys = Array.from({ length: 5_000 }, (_, n) => `agent:main:${n}`);
    for (let round = 0; round < 2; round += 1)
      expect(keys.filter((key) => access.allows(key))).toEqual(keys.filter((key) => key.startsWith("agent:main:1")));
  });
});

describe("warnings about rules", () => {
  test.each<[string, AccessRule[], RegExp[]]>([
    [
      "no fault",
      [rule({ deviceId: DEVICE }, ["agent:a:*"]), rule({ deviceId: OTHER_DEVICE }, []), rule({}, ["*", "global"])],
      [],
    ],
    ["a raw key", [rule({}, ["main", "agent:x:*"])], [/access\[0\].*"main", which no session key can match/]],
    ["half a key", [rule({}, ["agent:main"])], [/"agent:main"/]],
    [
      "a rule behind one that fits all",
      [rule({}, []), rule({ user: "u" }, [])],
      [/access\[1\] never matches: access\[0\]/],
    ],
    [
      "a rule behind a wider one",
      [rule({ user: "u" }, []), rule({ user: "u", mode: "ui" }, [])],
      [/access\[1\] never matches/],
    ],
    ["a rule behind a narrower one", [rule({ user: "u", mode: "ui" }, []), rule({ user: "u" }, [])], []],
    ["a device's name for its id", [rule({ deviceId: "laptop" }, ["*"])], [/access\[0\] names the device "laptop"/]],
    ["a node's role", [rule({ role: "node" }, ["*"])], [/not to the role "node"/]],
    [
      "everything for a scope",
      [rule({ scope: "operator.admin" }, ["*"]), rule({}, ["agent:main:{deviceId}:*"])],
      [/access\[0\] gives a connection more than the rules below it.*self-reported values \(scope\): any client/],
    ],
    ["more for a client id and nobody else", [rule({ clientId: "x", mode: "ui" }, ["agent:a:*"])], [/clientId, mode/]],
    ["more methods for a mode", [rule({ mode: "ui" }, [], ["cron.list"]), rule({}, ["agent:a:*"])], [/\(mode\)/]],
    [
      "more for a display name",
      [rule({ displayName: "x" }, ["*"])],
      [/self-reported values \(displayName\): any client/],
    ],
    ["more for a user agent", [rule({ userAgent: "x" }, ["*"])], [/self-reported values \(userAgent\): any client/]],
    ["less for a client id", [rule({ clientId: "x" }, ["agent:a:x:*"]), rule({}, ["agent:a:*"])], []],
    ["nothing for a client id", [rule({ clientId: "x" }, [])], []],
    ["a scope of a device", [rule({ scope: "operator.admin", deviceId: DEVICE }, ["*"]), rule({}, [])], []],
    ["a scope of a user", [rule({ scope: "operator.admin", user: "u" }, ["*"])], []],
  ])("access rules with %s get the warnings they should", (_, rules, expected) => {
    const warnings = accessWarnings(rules);
    expect(warnings).toHaveLength(expected.length);
    expected.forEach((pattern, index) => expect(warnings[index]).toMatch(pattern));
  });
});
