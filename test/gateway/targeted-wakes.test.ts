/**
 * Wakes and system events that name a session reach that session, or are refused with a reason.
 * All calls are made at once to a control gateway and to one with the module, each with a
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
  wakeConfig,
  type WakeBed,
} from "../support/scene/wake-scene.ts";
import {
  type AsPublished,
  MAPPED_TO_AGENT,
  REFUSED,
  RIGHT,
  SENT,
  SENT_TO_AGENT,
  wake,
} from "../support/scene/wake-calls.ts";
import { isolatedBed, writeSettings } from "./own-bed.ts";
import { PROGRAM_MS } from "../support/within.ts";

const RULES = { allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["agent:", "hook:"] };
// On a busy machine a gateway's first run takes its time, and the flood guard a minute more.
const SEEN_MS = 100_000;
const FLOOD_MS = 160_000;

const DRAINED_WITHIN_MS = 30_000;
const { hasHookRules } = capabilities(inject("isolated").release);
const SEEN = [...SENT, ...SENT_TO_AGENT, ...(hasHookRules ? MAPPED_TO_AGENT : [])];
const CALLS = [...SEEN, ...REFUSED].map(([call, send]) => ({ call, send, text: `<<${call}>>` }));

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
  // The control gateway puts nearly all into one queue, which holds twenty: half of them must be out again first.
  const drained = async () => ((await plain.queues()).waiting["agent:main:main"]?.length ? undefined : true);
  for (const [index, { call, send, text }] of CALLS.entries()) {
    if (index === SEEN.length) await until(drained, DRAINED_WITHIN_MS, "").catch(() => undefined);
    const [published, ours] = await Promise.all([answerTo(send(plain, text)), answerTo(send(isolated, text))]);
    answers.set(call, { plain: published, isolated: ours });
  }
});
afterAll(async () => {
  await Promise.all([plain?.close(), isolated?.close(), settings?.remove()]);
});

/** The control gateway's result, if that is wrong: all calls have had their time by now. */
async function asPublished(call: string, expected: AsPublished): Promise<void> {
  const wrong = expected[family()];
  if (wrong === RIGHT) return;
  expect(`${answers.get(call)!.plain}, ${await placeOf(plain, `<<${call}>>`)}`, "control gateway").toMatch(wrong);
}

describe("events for a session", () => {
  test.each(SEEN)("an event sent by %s is seen in its session", async (call, _, session, published) => {
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

  test("the wake command wakes the agent that it names, or reports that the gateway would not", async () => {
    const agent = ["--agent", "ops"];
    expect(await command(isolated, ["--text", "<<to an agent>>", ...agent])).toEqual({
      code: 0,
      stdout: "sent to the main session of agent ops\n",
      stderr: "",
    });
    expect(await fateOf(isolated, "<<to an agent>>", SEEN_MS)).toBe("seen agent:ops:main");
    const refused = await command(isolated, ["--text", "<<to nobody>>", "--agent", "nope"]);
    expect(`${refused.code}, ${await placeOf(isolated, "<<to nobody>>")}`).toBe("1, nowhere");
    const sent = await command(plain, ["--text", "<<to an agent>>", ...agent]);
    const place = await fateOf(plain, "<<to an agent>>", 500);
    expect(`${sent.code} ${sent.stderr}, ${place}`).toMatch(
      [/^1 .*unexpected property.*\n, nowhere$/, /^2 .*ignores agents.*\n, nowhere$/, /^0 , \w+ agent:ops:main$/][
        family()
      ]!,
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
