import { describe, expect, test } from "vitest";
import { type Schema, SettingsError } from "../../src/policy/schema.ts";
import { parseSettings, settingsSchema, STRICT_SETTINGS } from "../../src/policy/settings.ts";

const DEFAULTS = {
  scope: "session",
  observers: [],
  openEvents: [],
  roster: "subscribers",
  resumeMs: 60_000,
  limits: { claimsPerConnection: 10_000, runsPerConnection: 1_000, heldFramesPerConnection: 512 },
  heartbeat: { maxDeferMs: 300_000, preempt: true },
  onMissingSeam: "exit",
  onMissingPreload: "exit",
  cron: { remap: true },
  access: [],
  hooks: { allowRequestSessionKey: false, allowedSessionKeyPrefixes: [] },
};

function messageFor(value: unknown): string {
  try {
    parseSettings(value);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error(`accepted ${JSON.stringify(value)}`);
}

describe("settings", () => {
  test.each([[undefined], [{}], [{ limits: {} }], [{ scope: undefined, observers: undefined, limits: undefined }]])(
    "settings of %j are all defaults",
    (value) => {
      expect(parseSettings(value)).toEqual(DEFAULTS);
    },
  );

  test("given settings replace the defaults and the others stay", () => {
    const given = {
      scope: "run",
      roster: "claimed",
      resumeMs: 0,
      openEvents: ["plugin.a.b"],
      onMissingSeam: "warn",
      onMissingPreload: "warn",
      observers: [{ clientId: "dash" }, { mode: "ui", deviceId: "d1" }],
      limits: { claimsPerConnection: 1, heldFramesPerConnection: 100_000 },
      cron: { remap: false },
      hooks: { allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["hook:"] },
      heartbeat: { quietMs: 0, preempt: false },
      access: [{ match: { deviceId: "d1" }, sessions: ["agent:main:{deviceId}:*"], methods: ["cron.list"] }],
    };
    expect(parseSettings(given)).toEqual({
      ...given,
      limits: { ...given.limits, runsPerConnection: 1_000 },
      heartbeat: { ...given.heartbeat, maxDeferMs: 300_000 },
    });
  });

  test("settings are the same after a second reading", () => {
    const once = parseSettings({ observers: [{ mode: "ui" }], scope: "run" });
    expect(parseSettings(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  test("the settings in force before any have been read allow no session", () => {
    expect(STRICT_SETTINGS).toEqual({
      ...DEFAULTS,
      roster: "claimed",
      access: [{ match: {}, sessions: [], methods: [] }],
    });
  });
});

describe("ill-typed settings", () => {
  test.each<[setting: string, value: unknown, expected: string]>([
    ["", null, "the settings must be an object"],
    ["", [], "the settings must be an object"],
    ["", "scope=run", "the settings must be an object"],
    ["", 1, "the settings must be an object"],
    ["scope", { scope: "runs" }, '"session", "run"'],
    ["scope", { scope: null }, '"session", "run"'],
    ["scope", { scope: ["run"] }, '"session", "run"'],
    ["scope", { scope: "" }, '"session", "run"'],
    ["roster", { roster: "all" }, '"subscribers", "claimed"'],
    ["roster", { roster: true }, '"subscribers", "claimed"'],
    ["heartbeat.preempt", { heartbeat: { preempt: "no" } }, "true or false"],
    ["heartbeat.preempt", { heartbeat: { preempt: null } }, "true or false"],
    ...[-1, 600_001, 1.5, Number.NaN, Infinity, "10000", null, true].map((quietMs): [string, unknown, string] => [
      "heartbeat.quietMs",
      { heartbeat: { quietMs } },
      "an integer between 0 and 600000",
    ]),
    ...[0, 999, 86_400_001, 1_000.5, Number.NaN, "60000", null].map((maxDeferMs): [string, unknown, string] => [
      "heartbeat.maxDeferMs",
      { heartbeat: { maxDeferMs } },
      "an integer between 1000 and 86400000",
    ]),
    ["onMissingSeam", { onMissingSeam: "ignore" }, '"exit", "warn"'],
    ["onMissingSeam", { onMissingSeam: false }, '"exit", "warn"'],
    ["onMissingPreload", { onMissingPreload: "restart" }, '"exit", "warn"'],
    ["observers", { observers: {} }, "a list"],
    ["observers", { observers: "dash" }, "a list"],
    ["observers", { observers: null }, "a list"],
    ["observers[0]", { observers: ["dash"] }, "an object"],
    ["observers[0]", { observers: [null] }, "an object"],
    ["observers[1]", { observers: [{ mode: "ui" }, {}] }, "at least one of clientId, mode, deviceId"],
    ["observers[0].clientId", { observers: [{ clientId: "" }] }, "a non-empty string"],
    ["observers[0].clientId", { observers: [{ clientId: 5 }] }, "a non-empty string"],
    ["observers[0].mode", { observers: [{ mode: null }] }, "a non-empty string"],
    ["observers[0].deviceId", { observers: [{ deviceId: ["d"] }] }, "a non-empty string"],
    ["access", { access: {} }, "a list"],
    ["access", { access: Array.from({ length: 1_001 }, () => ({})) }, "at most 1000 items"],
    ["access[0].match", { access: [{ match: "all" }] }, "an object"],
    ["access[0].match.user", { access: [{ match: { user: 5 } }] }, "a non-empty string"],
    ["access[0].match.user", { access: [{ match: { user: "u".repeat(257) } }] }, "at most 256 characters"],
    ["access[0].sessions", { access: [{ sessions: "*" }] }, "a list"],
    ["access[0].sessions", { access: [{ sessions: Array.from({ length: 201 }, () => "*") }] }, "at most 200 items"],
    ["access[1].sessions[0]", { access: [{}, { sessions: [""] }] }, "a non-empty string"],
    ["access[0].sessions[0]", { access: [{ sessions: ["*".repeat(513)] }] }, "at most 512 characters"],
    ["access[0].sessions[0]", { access: [{ sessions: ["agent:main:{device}:*"] }] }, "a string that matches"],
    ["access[0].sessions[0]", { access: [{ sessions: ["agent:main:{deviceId"] }] }, "a string that matches"],
    ["access[0].methods[0]", { access: [{ methods: [true] }] }, "a non-empty string"],
    ["limits", { limits: null }, "an object"],
    ["limits", { limits: 5 }, "an object"],
    ["limits", { limits: [] }, "an object"],
    ...(["claimsPerConnection", "runsPerConnection", "heldFramesPerConnection"] as const).flatMap((name) =>
      [0, -1, 1.5, Number.NaN, Infinity, 1_000_001, "10", null, true, [10]].map((value): [string, unknown, string] => [
        `limits.${name}`,
        { limits: { [name]: value } },
        "an integer between 1 and",
      ]),
    ),
    ...[-1, 1.5, 3_600_001, "60000", null, true].map((value): [string, unknown, string] => [
      "resumeMs",
      { resumeMs: value },
      "an integer between 0 and 3600000",
    ]),
    ["limits.heldFramesPerConnection", { limits: { heldFramesPerConnection: 100_001 } }, "between 1 and 100000"],
  ])("an error names the setting %j in the ill-typed %j", (setting, value, expected) => {
    const message = messageFor(value);
    if (setting !== "") expect(message).toContain(`"${setting}"`);
    expect(message).toContain(expected);
  });

  test("an error shows a value of any size in a few characters", () => {
    const message = messageFor({ scope: "x".repeat(2 ** 20) });
    expect(message.length).toBeLessThan(200);
  });
});

describe("unknown settings", () => {
  test.each([
    ["scopes", { scopes: "run" }, "scope, observers, openEvents, roster, resumeMs, limits, heartbeat, onMissingSeam"],
    ["Scope", { Scope: "run" }, "scope"],
    ["constructor", { constructor: 1 }, "scope"],
    ["toString", { toString: 1 }, "scope"],
    ["__proto__", JSON.parse('{"__proto__": {"scope": "run"}}'), "scope"],
    ["cron.remaps", { cron: { remaps: true } }, "remap"],
    ["limits.claims", { limits: { claims: 1 } }, "claimsPerConnection, runsPerConnection, heldFramesPerConnection"],
    ["observers[0].client", { observers: [{ client: "x" }] }, "clientId, mode, deviceId"],
    ["access[0].session", { access: [{ session: [] }] }, "match, sessions, methods"],
    ["access[0].match.device", { access: [{ match: { device: "d" } }] }, "clientId, mode, deviceId, user"],
    ["observers[1].name", { observers: [{ mode: "ui" }, { mode: "ui", name: "x" }] }, "clientId, mode, deviceId"],
  ] as [string, unknown, string][])("an error names unknown setting %s and its neighbours", (setting, value, known) => {
    const message = messageFor(value);
    expect(message).toContain(`unknown setting "${setting}"`);
    expect(message).toContain(known);
  });
});

interface Leaf {
  readonly path: string;
  readonly schema: Exclude<Schema, { type: "object" }>;
}

function leaves(schema: Schema, path = "settings"): Leaf[] {
  if (schema.type !== "object") return [{ path, schema }];
  return Object.entries(schema.properties).flatMap(([name, property]) => leaves(property, `${path}.${name}`));
}

describe("the schema", () => {
  const settings = leaves(settingsSchema);

  test("the schema has a description for each setting", () => {
    expect(settings.filter(({ schema }) => !schema.description).map(({ path }) => path)).toEqual([]);
    expect(settings.length).toBeGreaterThan(5);
  });

  test("the schema lists defaults that it would accept itself", () => {
    expect(parseSettings(parseSettings(undefined))).toEqual(DEFAULTS);
    const outside = settings.filter(
      ({ schema }) => schema.type === "string" && schema.enum && !schema.enum.includes(schema.default ?? ""),
    );
    expect(outside).toEqual([]);
  });

  test("the schema is plain JSON", () => {
    expect(JSON.parse(JSON.stringify(settingsSchema))).toEqual(settingsSchema);
  });
});

test("an observer rule whose only field is undefined is refused and does not match everybody", () => {
  expect(() => parseSettings({ observers: [{ clientId: undefined }] })).toThrow("observers[0]");
});
