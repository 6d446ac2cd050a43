/** Wakes and system events that name a session reach that session, or are refused with a reason. */
import { inject, afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { compareVersions } from "../support/release.ts";
import { answerTo, fateOf, hasHookRules, openWakeBed, type Send, type WakeBed } from "../support/wake-scene.ts";
import { settingsFile } from "./own-bed.ts";

const RULES = { allowRequestSessionKey: true, allowedSessionKeyPrefixes: ["agent:", "hook:"] };
const SEEN_MS = 20_000;

function wake(sessionKey: unknown, more: object = { mode: "now" }): Send {
  return (bed, text) => bed.admin.request("wake", { mode: "now", text, sessionKey, ...more });
}

function systemEvent(sessionKey: unknown, more: object = {}): Send {
  return (bed, text) => bed.admin.request("system-event", { text, sessionKey, ...more });
}

function hook(path: string, body: Record<string, unknown>): Send {
  return (bed, text) => bed.hook(path, { text, ...body });
}

interface Row {
  readonly call: string;
  readonly send: Send;
  readonly right: string;
}

const ROWS: Row[] = [
  {
    call: "wake next-heartbeat + agent:main:other",
    send: wake("agent:main:other", { mode: "next-heartbeat" }),
    right: "seen agent:main:other",
  },
  { call: "wake now + agent:ada:other", send: wake("agent:ada:other"), right: "seen agent:ada:other" },
  { call: "wake now + agent:ops:main", send: wake("agent:ops:main"), right: "seen agent:ops:main" },
  { call: "system-event + agent:bob:other", send: systemEvent("agent:bob:other"), right: "seen agent:bob:other" },
  { call: "system-event + raw", send: systemEvent("raw-event"), right: "seen agent:main:raw-event" },
  { call: "wake + raw", send: wake("raw-wake"), right: "seen agent:main:raw-wake" },
  { call: "wake + cron-run", send: wake("agent:cyd:cron:j:run:r"), right: "seen agent:cyd:main" },
  { call: "system-event + cron-run", send: systemEvent("agent:dan:cron:j:run:r"), right: "seen agent:dan:main" },
  {
    call: "hooks/wake + agent:eve:main",
    send: hook("wake", { sessionKey: "agent:eve:main" }),
    right: "seen agent:eve:main",
  },
  {
    call: "hooks/wake next-heartbeat + agent:fay:other",
    send: hook("wake", { mode: "next-heartbeat", sessionKey: "agent:fay:other" }),
    right: "seen agent:fay:other",
  },
  { call: "mapping static", send: hook("static", {}), right: "seen agent:gil:mapped" },
  { call: "mapping template", send: hook("template", { agent: "hal" }), right: "seen agent:hal:mapped" },
  {
    call: "hooks/wake + cron run",
    send: hook("wake", { sessionKey: "agent:ivy:cron:j:run:r" }),
    right: "seen agent:ivy:main",
  },
  {
    call: "hooks/wake + agent:ops:hooked + agentId",
    send: hook("wake", { sessionKey: "agent:ops:hooked", agentId: "ops" }),
    right: "seen agent:ops:hooked",
  },
];

const REFUSED = [
  { call: "system-event + agent:nope:main", send: systemEvent("agent:nope:main"), right: "INVALID_REQUEST" },
  { call: "wake + agent:nope:main", send: wake("agent:nope:main"), right: "" },
  { call: "wake + agent:ops", send: wake("agent:ops"), right: "" },
  { call: "system-event + agent:ops", send: systemEvent("agent:ops"), right: "" },
  { call: "wake contradicts", send: wake("agent:ops:main", { agentId: "main" }), right: "" },
  { call: "wake subagent", send: wake("agent:ops:subagent:x"), right: "" },
  { call: "system-event subagent", send: systemEvent("agent:ops:subagent:x"), right: "" },
  { call: "wake blank key", send: wake(" "), right: "" },
  { call: "system-event blank key", send: systemEvent(" "), right: "" },
  {
    call: "wake blank text",
    send: (bed: WakeBed) => bed.admin.request("wake", { mode: "now", text: "  ", sessionKey: "agent:ops:main" }),
    right: "",
  },
  { call: "hook nope", send: hook("wake", { sessionKey: "agent:nope:main" }), right: "" },
  { call: "hook malformed", send: hook("wake", { sessionKey: "agent:ops" }), right: "" },
  { call: "hook contradicts", send: hook("wake", { sessionKey: "agent:ops:main", agentId: "main" }), right: "" },
  { call: "hook prefix", send: hook("wake", { sessionKey: "telegram:dm:1" }), right: "" },
  { call: "hook blank key", send: hook("wake", { sessionKey: " " }), right: "" },
  {
    call: "hook blank text",
    send: (bed: WakeBed) => bed.hook("wake", { text: " ", sessionKey: "agent:ops:main" }),
    right: "",
  },
  { call: "mapping template nope", send: hook("template", { agent: "nope" }), right: "" },
  { call: "mapping template empty", send: hook("template", { agent: "" }), right: "" },
];

let plain: WakeBed;
let isolated: WakeBed;

beforeAll(async () => {
  const { release } = inject("isolated");
  const env = hasHookRules(release) ? {} : { OPENCLAW_EVENT_ISOLATION_CONFIG: "/tmp/wakes-hooks.json" };
  [plain, isolated] = await Promise.all([
    openWakeBed({ release, isolated: false, rules: RULES }),
    openWakeBed({ release, isolated: true, rules: RULES, env }),
  ]);
});
afterAll(async () => {
  await Promise.all([plain?.close(), isolated?.close()]);
});

test("explore", async () => {
  const out: string[] = [];
  await Promise.all(
    [plain, isolated].flatMap((bed) =>
      [...ROWS, ...REFUSED].map(async ({ call, send, right }, i) => {
        const text = `MARK-${i}-END`;
        const answer = await answerTo(send(bed, text));
        const t = Date.now();
        const fate = await fateOf(bed, text, SEEN_MS);
        out.push(
          `${String(i).padStart(2)} ${bed === plain ? "plain   " : "isolated"} ${call.padEnd(45)} ${answer} | ${fate} ${Date.now() - t} ms | ${right}`,
        );
      }),
    ),
  );
  console.log(out.sort().join("\n"));
  console.log(
    isolated.gateway
      .logs()
      .split("\n")
      .filter((l) => /event-isolation|heartbeat/.test(l))
      .join("\n"),
  );
});
