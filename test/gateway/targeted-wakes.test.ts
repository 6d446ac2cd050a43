/**
 * Wakes and system events that name a session reach that session, or are refused with a reason.
 * All calls are made at once to a gateway as published and to one with the module, each with a
 * text of its own, and then looked for in the queues and in what the models were asked.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { until } from "../support/scene/cron-scene.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import {
  answerTo,
  fateOf,
  openWakeBed,
  placeOf,
  postHook,
  type Send,
  wakeConfig,
  type WakeBed,
} from "../support/scene/wake-scene.ts";
import { isolatedBed, writeSettings } from "./own-bed.ts";
import { PROGRAM_MS } from "../support/within.ts";

const RULES = { allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["agent:", "hook:"] };
// On a busy machine a gateway's first run takes its time, and the flood guard a minute more.
const SEEN_MS = 100_000;
/** A gateway that starts its first heartbeats answers nobody for a while. */
const PATIENT = { timeoutMs: 150_000 };
const FLOOD_MS = 160_000;

function wake(sessionKey: unknown, more: object = {}): Send {
  return (bed, text) => bed.admin.request("wake", { mode: "now", text, sessionKey, ...more }, PATIENT);
}

function systemEvent(sessionKey: unknown): Send {
  return (bed, text) => bed.admin.request("system-event", { text, sessionKey }, PATIENT);
}

function hook(path: string, body: Record<string, unknown>): Send {
  return (bed, text) => bed.hook(path, { text, ...body });
}

/**
 * What the published gateway makes of a call, its answer and where the event is: on releases whose wakes may not
 * name a session, on those that ignore what they name, and on those that wake it.
 */
type AsPublished = readonly [refuses: RegExp, ignores: RegExp, wakes: RegExp];

const TO_MAIN = /^ok, \w+ agent:main:main$/;
const NO_KEYS = /^INVALID_REQUEST invalid wake params.*, nowhere$/;
const NEEDS_NOW = /^HTTP 400 .*requires (?:wakeM|m)ode=now, nowhere$/;
const RIGHT = /^$/;

/** Sessions are shared where it does not matter who wakes them: each heartbeat counts towards the flood guard. */
const SENT: readonly [call: string, send: Send, session: string, AsPublished][] = [
  [
    "wake next-heartbeat, another session",
    wake("agent:main:other", { mode: "next-heartbeat" }),
    "agent:main:other",
    [NO_KEYS, TO_MAIN, RIGHT],
  ],
  ["wake now, a raw key", wake(" Other "), "agent:main:other", [NO_KEYS, TO_MAIN, RIGHT]],
  ["wake now, another agent", wake("agent:ops:main"), "agent:ops:main", [NO_KEYS, TO_MAIN, RIGHT]],
  [
    "wake now, a cron run",
    wake("agent:ops:cron:j:run:w"),
    "agent:ops:main",
    [NO_KEYS, TO_MAIN, /^ok, \w+ agent:ops:cron:j:run:w$/],
  ],
  [
    "system-event, another session",
    systemEvent("agent:ops:other"),
    "agent:ops:other",
    [TO_MAIN, TO_MAIN, /^ok, waits agent:ops:other$/],
  ],
  [
    "system-event, a cron run",
    systemEvent("agent:ops:cron:j:run:s"),
    "agent:ops:main",
    [TO_MAIN, TO_MAIN, /^ok, waits agent:ops:cron:j:run:s$/],
  ],
  [
    "/hooks/wake, another agent",
    hook("wake", { sessionKey: "agent:ops:main" }),
    "agent:ops:main",
    [TO_MAIN, TO_MAIN, TO_MAIN],
  ],
  [
    "/hooks/wake next-heartbeat, another session",
    hook("wake", { sessionKey: "agent:main:hooked", mode: "next-heartbeat" }),
    "agent:main:hooked",
    [TO_MAIN, TO_MAIN, NEEDS_NOW],
  ],
  [
    "/hooks/wake, a cron run",
    hook("wake", { sessionKey: "agent:ops:cron:j:run:h", agentId: "ops" }),
    "agent:ops:main",
    [TO_MAIN, TO_MAIN, /^ok, \w+ agent:ops:cron:j:run:h$/],
  ],
  [
    "a hook mapping, fixed key",
    hook("static", {}),
    "agent:ops:mapped",
    [TO_MAIN, TO_MAIN, /^ok, \w+ agent:main:mapped$/],
  ],
  [
    "a hook mapping next-heartbeat, key from the body",
    hook("template", { agent: "main" }),
    "agent:main:mapped",
    [TO_MAIN, TO_MAIN, NEEDS_NOW],
  ],
];

const REFUSED: readonly [call: string, send: Send, error: RegExp, AsPublished][] = [
  [
    "system-event, no such agent",
    systemEvent("agent:nope:main"),
    /^INVALID_REQUEST Unknown agent id "nope"$/,
    [TO_MAIN, TO_MAIN, /^ok, waits agent:nope:main$/],
  ],
  [
    "wake, no such agent",
    wake("agent:nope:main"),
    /^INVALID_REQUEST Unknown agent id "nope"$/,
    [NO_KEYS, TO_MAIN, /^UNAVAILABLE .*, nowhere$/],
  ],
  [
    "wake, a malformed key",
    wake("agent:ops"),
    /^INVALID_REQUEST malformed session key "agent:ops"/,
    [NO_KEYS, TO_MAIN, RIGHT],
  ],
  [
    "system-event, a malformed key",
    systemEvent("agent:ops"),
    /^INVALID_REQUEST malformed session key "agent:ops"/,
    [TO_MAIN, TO_MAIN, RIGHT],
  ],
  [
    "wake, the key of another agent than agentId",
    wake("agent:ops:main", { agentId: "main" }),
    /^INVALID_REQUEST agentId "main" contradicts the agent "ops"/,
    [NO_KEYS, TO_MAIN, /^INVALID_REQUEST .*, nowhere$/],
  ],
  [
    "system-event, a sub-agent",
    systemEvent("agent:ops:subagent:x"),
    /^INVALID_REQUEST sessionKey cannot be that of a subagent/,
    [TO_MAIN, TO_MAIN, /^ok, waits agent:ops:subagent:x$/],
  ],
  ["wake, a blank key", wake(" "), /^INVALID_REQUEST sessionKey must be/, [NO_KEYS, TO_MAIN, TO_MAIN]],
  [
    "wake, a blank text",
    (bed) => bed.admin.request("wake", { mode: "now", text: "  ", sessionKey: "agent:ops:main" }, PATIENT),
    /^INVALID_REQUEST text required$/,
    [NO_KEYS, /^not ok, nowhere$/, /^not ok, nowhere$/],
  ],
  [
    "/hooks/wake, no such agent",
    hook("wake", { sessionKey: "agent:nope:main" }),
    /^HTTP 400 Unknown agent id "nope"$/,
    [TO_MAIN, TO_MAIN, TO_MAIN],
  ],
  [
    "/hooks/wake, a malformed key",
    hook("wake", { sessionKey: "agent:ops" }),
    /^HTTP 400 malformed session key "agent:ops"/,
    [TO_MAIN, TO_MAIN, /^HTTP 500 /],
  ],
  [
    "/hooks/wake, the key of another agent than agentId",
    hook("wake", { sessionKey: "agent:ops:main", agentId: "main" }),
    /^HTTP 400 agentId "main" contradicts the agent "ops"/,
    [TO_MAIN, TO_MAIN, TO_MAIN],
  ],
  [
    "/hooks/wake, a key without an allowed prefix",
    hook("wake", { sessionKey: "telegram:dm:1" }),
    /^HTTP 400 sessionKey must start with one of: agent:, hook:$/,
    [TO_MAIN, TO_MAIN, RIGHT],
  ],
  [
    "a hook mapping, no such agent in the body",
    hook("template", { agent: "nope" }),
    /^HTTP 400 Unknown agent id "nope"$/,
    [TO_MAIN, TO_MAIN, NEEDS_NOW],
  ],
];

const DRAINED_WITHIN_MS = 30_000;
const CALLS = [...SENT, ...REFUSED].map(([call, send]) => ({ call, send, text: `<<${call}>>` }));

let plain: WakeBed;
let isolated: WakeBed;
let settings: { file: string; remove(): Promise<void> };
const answers = new Map<string, { plain: string; isolated: string }>();

function family(): 0 | 1 | 2 {
  const { wakesMayNameSessions, wakesReachSessions } = capabilities(inject("isolated").release);
  return wakesReachSessions ? 2 : wakesMayNameSessions ? 1 : 0;
}

beforeAll(async () => {
  const { release } = inject("isolated");
  settings = await writeSettings({ hooks: RULES });
  const env = capabilities(release).hasHookRules ? {} : { OPENCLAW_EVENT_ISOLATION_CONFIG: settings.file };
  [plain, isolated] = await Promise.all([
    openWakeBed({ release, isolated: false, rules: RULES }),
    openWakeBed({ release, isolated: true, rules: RULES, env }),
  ]);
  // The published gateway puts nearly all into one queue, which holds twenty: half of them have to be out again first.
  const drained = async () => ((await plain.queues()).waiting["agent:main:main"]?.length ? undefined : true);
  for (const [index, { call, send, text }] of CALLS.entries()) {
    if (index === SENT.length) await until(drained, DRAINED_WITHIN_MS, "").catch(() => undefined);
    const [published, ours] = await Promise.all([answerTo(send(plain, text)), answerTo(send(isolated, text))]);
    answers.set(call, { plain: published, isolated: ours });
  }
});
afterAll(async () => {
  await Promise.all([plain?.close(), isolated?.close(), settings?.remove()]);
});

/** What the published gateway did, if that is wrong: all calls have had their time by now. */
async function asPublished(call: string, expected: AsPublished): Promise<void> {
  const wrong = expected[family()];
  if (wrong === RIGHT) return;
  expect(`${answers.get(call)!.plain}, ${await placeOf(plain, `<<${call}>>`)}`, "as published").toMatch(wrong);
}

describe("events for a session", () => {
  test.each(SENT)("an event sent by %s is seen in its session", async (call, _, session, published) => {
    expect(answers.get(call)!.isolated).toBe("ok");
    expect(await fateOf(isolated, `<<${call}>>`, SEEN_MS)).toBe(`seen ${session}`);
    await asPublished(call, published);
  });
});

describe("events that mean no session", () => {
  test.each(REFUSED)(
    "an event sent by %s is refused with a reason and changes nothing",
    async (call, _, error, published) => {
      expect(answers.get(call)!.isolated).toMatch(error);
      expect(await placeOf(isolated, `<<${call}>>`)).toBe("nowhere");
      await asPublished(call, published);
    },
  );
});

test("a client that may not wake is told so, whatever the key", async () => {
  const reader = await isolated.connect({ name: "reader", scopes: ["operator.read"] });
  for (const sessionKey of ["agent:ops:main", "agent:nope:main"]) {
    const answer = await answerTo(reader.request("wake", { mode: "now", text: "from a reader", sessionKey }));
    expect(answer).toMatch(/missing scope/);
  }
  expect(await placeOf(isolated, "from a reader")).toBe("nowhere");
});

test("an event without a session key is handled as on the control gateway, byte for byte", async () => {
  for (const params of [{ mode: "now", text: "no key" }, { mode: "soon", text: "no key" }, { text: "" }]) {
    const [published, ours] = await Promise.all(
      [plain, isolated].map((bed) => answerTo(bed.admin.request("wake", params))),
    );
    expect(ours).toBe(published);
  }
  expect(await fateOf(isolated, "no key", SEEN_MS)).toBe("seen agent:main:main");
  const bodies = await Promise.all(
    [plain, isolated].map((bed) => bed.hook("wake", { text: "hook", mode: "next-heartbeat" })),
  );
  expect(bodies[1]).toEqual(bodies[0]);
});

test(
  "an event beyond the flood guard's five a minute is seen all the same",
  { timeout: FLOOD_MS + 20_000 },
  async () => {
    const sessions = ["flood-1", "flood-2", "flood-3", "flood-4", "flood-5", "flood-6"].map(
      (name) => `agent:ops:${name}`,
    );
    for (const key of sessions) await wake(key)(isolated, `<<${key}>>`);
    const fates = await Promise.all(sessions.map((key) => fateOf(isolated, `<<${key}>>`, FLOOD_MS)));
    expect(fates).toEqual(sessions.map((key) => `seen ${key}`));
  },
);

describe("the wake command", () => {
  const to = ["--session-key", "agent:main:other"];

  test("the wake command wakes a session, and fails with the gateway's reason", async () => {
    expect(await command(isolated, ["--text", "<<from the command>>", ...to, "--mode", "next-heartbeat"])).toEqual({
      code: 0,
      stdout: "sent to agent:main:other\n",
      stderr: "",
    });
    expect(await fateOf(isolated, "<<from the command>>", SEEN_MS)).toBe("seen agent:main:other");
    const refused = await command(isolated, ["--text", "x", "--session-key", "agent:nope:main", "--json"]);
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ ok: false, error: { code: "INVALID_REQUEST" } });
  });

  test("the wake command sends nothing to a gateway that ignores or refuses session keys", async () => {
    const sent = await command(plain, ["--text", "<<from the command>>", ...to]);
    const place = await fateOf(plain, "<<from the command>>", 500);
    const outcome = `${sent.code} ${sent.stderr}, ${place}`;
    expect(outcome).toMatch(
      [
        /^1 .*unexpected property.*\n, nowhere$/,
        /^2 .*ignores session keys.*\n, nowhere$/,
        /^0 , \w+ agent:main:other$/,
      ][family()]!,
    );
  });
});

/** Runs the built command's `wake` against a gateway, with the token in the environment. */
function command(bed: WakeBed, args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const cli = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
  const env = { PATH: process.env["PATH"], HOME: bed.gateway.stateDir, OPENCLAW_GATEWAY_TOKEN: bed.gateway.token };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, "wake", "--url", bed.gateway.url, ...args],
      { env, timeout: PROGRAM_MS },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

test("a webhook wakes a named session only if it is allowed to", async () => {
  const { release } = inject("isolated");
  const bed = await isolatedBed({ config: wakeConfig(release, {}) });
  const post = (path: string, body: Record<string, unknown>) => postHook(bed.gateway.port, path, body);
  const forbidden =
    "HTTP 400 sessionKey is disabled for externally supplied hook payload values; set hooks.allowRequestSessionKey=true to enable";
  expect(await answerTo(post("wake", { text: "x", sessionKey: "agent:ops:main" }))).toBe(forbidden);
  expect(await answerTo(post("wake", { text: "x" }))).toBe("ok");
  // What the configuration itself names needs no leave.
  expect(await answerTo(post("static", { text: "x" }))).toBe("ok");
});
