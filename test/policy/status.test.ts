import { expect, test } from "vitest";
import { settingsSchema, parseSettings } from "../../src/policy/settings.ts";
import { concerns, describeStatus, type IsolationStatus, STATUS_SCHEMA, withoutNames } from "../../src/status.ts";

const KEY = "agent:main:secret-project";
const DEVICE = "d0d0d0d0";
const CLIENT = { role: "operator", device: true, claims: 0, observer: false, delivered: 0, withheld: 7, silent: true };

const STATUS: IsolationStatus = {
  schema: STATUS_SCHEMA,
  version: "1.2.3",
  release: "2026.9.6",
  attached: true,
  seams: [
    { name: "broadcast", functions: ["f"], files: ["dist/a.mjs"], required: true, state: "attached" },
    { name: "lanes", functions: [], files: [], required: false, state: "missing" },
  ],
  settings: parseSettings({
    observers: [{ deviceId: DEVICE }],
    hooks: { allowedSessionKeyPrefixes: [KEY] },
    scope: "run",
  }),
  gateway: {
    connections: 3,
    claims: 2,
    sessions: 1,
    roster: 1,
    observers: 0,
    runs: 5,
    resumable: 2,
    held: 4,
    events: { tick: { open: 9 }, chat: { delivered: 12, "no-claim": 3 } },
  },
  heartbeats: { running: 0, deferred: 1, held: 0, runs: 2, deferrals: 5, aborted: 6 },
  connections: [
    { ...CLIENT, id: "cli", mode: "cli", observe: { deviceId: DEVICE } },
    { ...CLIENT, id: "webchat", mode: "ui", version: "3", claims: 2, delivered: 5, silent: false, device: false },
  ],
  sessionKeys: [{ key: KEY, claimers: 2 }],
};

test("the status without names has no session keys and no lists of the settings, and keeps all else", () => {
  const less = withoutNames(STATUS);
  expect(JSON.stringify(STATUS)).toContain(KEY);
  expect(JSON.stringify(less)).not.toMatch(new RegExp(`${KEY}|${DEVICE}`));
  const { sessionKeys: _, settings, connections, ...rest } = STATUS;
  const { observe: _observe, ...silent } = connections![0]!;
  const { observers: _observers, openEvents: _open, access: _access, hooks, ...switches } = settings;
  const { allowedSessionKeyPrefixes: _prefixes, ...hookSwitches } = hooks!;
  expect(less).toEqual({
    ...rest,
    connections: [silent, connections![1]],
    settings: { ...switches, hooks: hookSwitches },
  });
  expect(less.settings.scope).toBe("run");
});

test("no setting that is not a list names a session or a device", () => {
  // withoutNames relies on it: strings are words of a fixed list, everything else is a number or a switch.
  const strings: string[] = [];
  const visit = (schema: { type: string; properties?: object; enum?: readonly string[] }, path: string): void => {
    if (schema.type === "string" && !schema.enum) strings.push(path);
    for (const [name, each] of Object.entries(schema.properties ?? {})) visit(each as typeof schema, `${path}.${name}`);
  };
  visit(settingsSchema, "");
  expect(strings).toEqual([]);
});

test("the status is printed as text", () => {
  expect(describeStatus(STATUS)).toBe(`event-isolation 1.2.3 on OpenClaw 2026.9.6: attached
  WARNING: observers are set: connections that match one of them see all sessions
  seams        broadcast
  missing      lanes
  connections  3 (1 with the roster, 0 observers)
  claims       2 on 1 sessions
  held frames  4
  heartbeats   0 running, 1 deferred; in total 5 deferrals, 6 aborted
  clients
    cli/cli: claims 0, delivered 0, withheld 7, device, SILENT
    webchat/ui 3: claims 2, delivered 5, withheld 7
  NOTE: client cli/cli only listens: 7 events of sessions were withheld from it because it claims no session. To let it receive them, have it ask for its sessions (sessions.messages.subscribe, chat.history), or add this entry to the settings (docs/clients.md), under observers: {"deviceId":"${DEVICE}"}
  events
    chat                   delivered 12, no-claim 3
    tick                   open 9
  sessions
    ${KEY}  claimed by 2`);
});

test("the status of an unprotected gateway is printed as text", () => {
  const { version, release } = STATUS;
  const bare = { schema: STATUS_SCHEMA, version, release, attached: false, seams: [], settings: {} } as const;
  expect(describeStatus(bare)).toBe(
    `event-isolation 1.2.3 on OpenClaw 2026.9.6: NOT ATTACHED
  WARNING: the gateway runs UNPROTECTED: every client gets the events of every session`,
  );
});

test.each([
  [{}, []],
  [{ observers: [] }, []],
  [{ observers: [{ mode: "ui" }] }, [/^observers are set/]],
  [{ onMissingSeam: "warn", onMissingPreload: "warn" }, [/^onMissingSeam is "warn"/, /^onMissingPreload is "warn"/]],
])("settings %j give an operator the concerns %j", (settings, expected) => {
  const found = concerns({ ...STATUS, settings: parseSettings(settings) });
  expect(found).toEqual(expected.map((pattern) => expect.stringMatching(pattern) as string));
});

test("names of others in the status move no cursor when it is printed", () => {
  const events = { "a\u001b[2J\n": { open: 1 } };
  expect(describeStatus({ ...STATUS, gateway: { ...STATUS.gateway!, events } })).toContain("    a?[2J?");
});

test("the printed status names every silent client and no more than twenty others", () => {
  const many = (count: number, silent: boolean) =>
    Array.from({ length: count }, () => ({ ...CLIENT, id: "c", silent }));
  const lines = describeStatus({ ...STATUS, connections: [...many(30, true), ...many(30, false)] }).split("\n");
  expect(lines.filter((line) => line.startsWith("    c/"))).toHaveLength(30);
  expect(lines.filter((line) => line.startsWith("  NOTE: client c/"))).toHaveLength(30);
  const others = describeStatus({ ...STATUS, connections: many(30, false) }).split("\n");
  expect(others.filter((line) => line.startsWith("    c/"))).toHaveLength(20);
});
