/** The calls by which an event is sent to a session or an agent, and the result of each on releases without the module. */
import type { Send } from "./wake-scene.ts";

/** A gateway that starts its first heartbeats answers nobody for a while. */
const PATIENT = { timeoutMs: 150_000 };

export function wake(sessionKey: unknown, more: object = {}): Send {
  return (bed, text) => bed.admin.request("wake", { mode: "now", text, sessionKey, ...more }, PATIENT);
}

function systemEvent(sessionKey: unknown, more: object = {}): Send {
  return (bed, text) => bed.admin.request("system-event", { text, sessionKey, ...more }, PATIENT);
}

function hook(path: string, body: Record<string, unknown>): Send {
  return (bed, text) => bed.hook(path, { text, ...body });
}

/**
 * The control gateway's result of a call, its answer and where the event is: on releases whose wakes may not
 * name a session, on those that ignore what they name, and on those that wake it.
 */
export type AsPublished = readonly [refuses: RegExp, ignores: RegExp, wakes: RegExp];

const TO_MAIN = /^ok, \w+ agent:main:main$/;
const NO_KEYS = /^INVALID_REQUEST invalid wake params.*, nowhere$/;
const NEEDS_NOW = /^HTTP 400 .*requires (?:wakeM|m)ode=now, nowhere$/;
export const RIGHT = /^$/;

/** Sessions are shared where it does not matter who wakes them: each heartbeat counts towards the flood guard. */
export const SENT: readonly (readonly [call: string, send: Send, session: string, AsPublished])[] = [
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

/** An agent alone means its main session. */
export const SENT_TO_AGENT: typeof SENT = [
  ["wake now, an agent alone", wake(undefined, { agentId: "ops" }), "agent:ops:main", [NO_KEYS, TO_MAIN, RIGHT]],
  [
    "system-event, an agent alone",
    systemEvent(undefined, { agentId: "ops" }),
    "agent:ops:main",
    [TO_MAIN, TO_MAIN, /^INVALID_REQUEST invalid system-event params.*, nowhere$/],
  ],
  ["/hooks/wake, an agent alone", hook("wake", { agentId: "ops" }), "agent:ops:main", [TO_MAIN, TO_MAIN, RIGHT]],
];

/** The same by a mapping, where one may name an agent. */
export const MAPPED_TO_AGENT: typeof SENT = [
  ["a hook mapping, an agent alone", hook("to-agent", {}), "agent:ops:main", [RIGHT, TO_MAIN, RIGHT]],
];

export const REFUSED: readonly [call: string, send: Send, error: RegExp, AsPublished][] = [
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
  [
    "wake, an unknown agent alone",
    wake(undefined, { agentId: "nope" }),
    /^(?:INVALID_REQUEST Unknown agent id "nope"|\w+ .*nope)/,
    [NO_KEYS, TO_MAIN, RIGHT],
  ],
  [
    "/hooks/wake, an unknown agent alone",
    hook("wake", { agentId: "nope" }),
    /^HTTP 4\d\d .*nope/,
    [TO_MAIN, TO_MAIN, RIGHT],
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
