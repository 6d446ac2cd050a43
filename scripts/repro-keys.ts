/** Prints what the pure functions make of the session keys of cron runs. */
import { resolveEventSessionKey, scopedHeartbeatWakeOptions, type SessionScope } from "../src/policy/cron-keys.ts";
import { jsonOption, runScript, script } from "./options.ts";

const command = script(
  "repro:keys",
  "Prints the queue and the wake that belong to a session key, for the cases of upstream PRs #50818 and #80214.",
  ["all are as upstream has them", "one is not"],
).addOption(jsonOption());

const RUN = "agent:research:cron:nightly-backup:run:abc-123";
const CHANNEL = "agent:research:telegram:dm:42";
const WAKE = { reason: "exec-event" };

interface Case {
  readonly key: string;
  readonly mainKey?: string;
  readonly scope?: SessionScope;
  readonly event: string;
  readonly wake: object;
}

const CASES: readonly Case[] = [
  { key: RUN, event: "agent:research:main", wake: { ...WAKE, sessionKey: "agent:research:main" } },
  {
    key: RUN,
    mainKey: "primary",
    event: "agent:research:primary",
    wake: { ...WAKE, sessionKey: "agent:research:primary" },
  },
  { key: RUN, scope: "global", event: "global", wake: { ...WAKE, agentId: "research" } },
  { key: CHANNEL, event: CHANNEL, wake: { ...WAKE, sessionKey: CHANNEL } },
];

function main({ json }: { json?: true }): number {
  const rows = CASES.flatMap(({ key, mainKey, scope, event, wake }) => {
    const given = [mainKey && `mainKey ${mainKey}`, scope && `scope ${scope}`].filter(Boolean).join(", ");
    const results = [
      { call: "resolveEventSessionKey", is: resolveEventSessionKey(key, mainKey, scope), expected: event },
      { call: "scopedHeartbeatWakeOptions", is: scopedHeartbeatWakeOptions(key, WAKE, mainKey, scope), expected: wake },
    ];
    return results.map(({ call, is, expected }) => ({ key, given, call, is, ok: sorted(is) === sorted(expected) }));
  });
  if (json) console.log(JSON.stringify(rows, null, 2));
  else {
    for (const { key, given, call, is, ok } of rows) {
      console.log(`${ok ? "ok   " : "WRONG"} ${call}(${key}${given ? `, ${given}` : ""}) = ${JSON.stringify(is)}`);
    }
  }
  return rows.every(({ ok }) => ok) ? 0 : 1;
}

function sorted(value: string | object): string {
  return JSON.stringify(typeof value === "string" ? value : Object.entries(value).toSorted());
}

await runScript(command, main);
