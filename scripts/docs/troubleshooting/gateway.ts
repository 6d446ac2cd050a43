/** What docs/troubleshooting.md says about the messages of the gateway's process. The order is the page's. */
import { MESSAGES } from "../../../src/messages.ts";
import type { Rows, Shared } from "./row.ts";

type Catalogue = typeof MESSAGES;

/** Messages with the cause and the fix of another: they stand in its row. */
export const GATEWAY_SHARED = {
  notStartedUnprotected: "missingSeams",
  emptySetting: "wrongSetting",
  otherAgentId: "noAgentId",
  noAnswer: "pluginNotLoaded",
} as const satisfies Shared<Catalogue>;

export const GATEWAY_ROWS: Rows<Catalogue, typeof GATEWAY_SHARED> = {
  missingSeams: {
    section: "start",
    shown: ["…", '"broadcast" (…)'],
    cause: "the release renamed or dropped a function that the module needs",
    fix: 'install a newer version of this package. To run unprotected until then, set `onMissingSeam: "warn"` (in the settings file if `config` is missing), or run `openclaw-event-isolation disable` and uninstall the plugin',
  },
  unknownBroadcaster: {
    section: "start",
    cause: "the function is there, but works in another way",
    fix: "the same; please report it",
  },
  unknownSetting: {
    section: "start",
    cause: "a setting is misspelt",
    fix: "correct the name; the message lists the settings that exist there, [settings.md](settings.md) all of them",
  },
  wrongSetting: {
    section: "start",
    cause: "a setting is of the wrong type, out of range, or empty",
    fix: "set one of the values that the message names",
  },
  settingsFileUnreadable: {
    section: "start",
    cause: "the file is missing, unreadable or not JSON",
    fix: "correct the path or the file",
  },
  settingsFileTooLate: {
    section: "start",
    cause: "a `.env` file of the working folder or the state folder names the settings file",
    fix: "set the variable in the service's unit or in the shell, and remove it from the `.env` file; if you did not write it there, find out who did",
  },
  noRegisterHooks: { section: "start", cause: "Node is older than 22.15", fix: "use a newer Node" },
  notStarted: {
    section: "start",
    shown: [MESSAGES.hangsWithPreload("23…", "…")],
    cause: "Node 23 can lose a message between its threads when a loader of `module.register` runs next to load hooks",
    fix: "use another Node version, or remove the other preload",
  },
  missingPreload: {
    section: "start",
    cause: "the plugin is installed, but `--import` is missing from how the gateway is started",
    fix: "`openclaw-event-isolation enable`, or the `NODE_OPTIONS` that the message shows",
  },

  runsUnprotected: {
    section: "log",
    cause: "the setting allows it: every client gets everything",
    fix: "update this package, and remove the setting",
  },
  missingPreloadAllowed: {
    section: "log",
    cause: "the same, without the preload",
    fix: "start it as the message says",
  },
  missingPreloadUntilRestart: {
    section: "log",
    cause: "the plugin was installed into a running gateway (2026.9)",
    fix: "restart it with the preload",
  },
  settingsUnreadable: {
    section: "log",
    cause:
      "the gateway's configuration did not answer; until it does, nobody is an observer and no session may be used",
    fix: "correct the configuration; the module reads it again each second",
  },
  settingsInvalid: {
    section: "log",
    cause: "a reload brought wrong settings",
    fix: "correct them: the message names what is wrong",
  },
  settingsReloaded: {
    section: "log",
    cause: "new rules are in force, and claims beyond them have ended",
    fix: "nothing",
  },
  silentClient: {
    section: "log",
    cause: "a client gets no event of a session, since it asks for none",
    fix: "[clients.md](clients.md#clients-that-are-silent): nothing, if the client needs no events; otherwise one of the two",
  },
  silentClientsFull: {
    section: "log",
    cause: "the log has named 32 kinds of clients",
    fix: "look at the status",
  },
  ruleWithoutDevice: {
    section: "log",
    cause: "the rule matches no device",
    fix: "use the id that the command shows",
  },
  ruleForRole: {
    section: "log",
    cause: "a rule that can have no effect",
    fix: "remove it, or match by something else",
  },
  ruleCovered: { section: "log", cause: "the same", fix: "put the narrower rule first" },
  ruleWithoutKeys: {
    section: "log",
    cause: "the pattern is not a canonical key",
    fix: "write it as `agent:<agent id>:<rest>`",
  },
  ruleSelfReported: {
    section: "log",
    cause: "the rule matches by client id, mode, display name, user agent or scope, and by no proven field",
    fix: "also match `deviceId`, `user` or `profile`; if everybody with the token may have the access, the rule is as good as one for all",
  },
  eventsWithoutKey: {
    section: "log",
    cause: "events of that name came without a session key twenty times",
    fix: "after an update of OpenClaw: please report it",
  },
  eventsWithBadKey: {
    section: "log",
    cause: "the same with invalid keys, such as keys with control characters or over 1,024 characters",
    fix: "find out who makes the key; nobody receives these events",
  },
  eventsFailed: {
    section: "log",
    cause: "a defect of the module, which fails closed",
    fix: "please report it",
  },
  heartbeats: {
    section: "log",
    shown: ["… every … min"],
    cause: "which agents have heartbeats",
    fix: "nothing; turn them off if nobody needs them",
  },
  heartbeatsLack: {
    section: "log",
    cause: "the release lacks optional functions of heartbeats; the table below has the end of the line",
    fix: "no action needed; if the release should have the function, `doctor` warns of it: please report it",
  },
  heartbeatsSearchFailed: {
    section: "log",
    cause: "the release's `dist` folder cannot be read, so the module does not know which functions heartbeats lack",
    fix: "make sure that the gateway's user can read it",
  },
  queueFull: {
    section: "log",
    cause:
      "OpenClaw keeps twenty events for a session, and the module a hundred more of cron runs for a main session; the oldest was dropped",
    fix: "let the session's agent run more often, or send fewer events",
  },
  queueUndrained: {
    section: "log",
    cause:
      "a client used such a key with the method `agent` or the HTTP header `x-openclaw-session-key`, up to OpenClaw 2026.3; a message to the key in lower case belongs to another session",
    fix: "have the client name the session in lower case with its agent, such as `agent:main:chat`",
  },
  wakeUnanswered: {
    section: "log",
    cause:
      "five heartbeats, asked for a command's output or for an event sent to the session, did not take it; the module asks again every few minutes",
    fix: "the words in brackets are the heartbeats' answer. `disabled`: switch heartbeats on again (they were switched off by command). `quiet-hours`: the agent's `activeHours` end when they begin, so they are never active: correct them. `failed`: see the release's line before it. `ran`: a heartbeat ran and left them, or failed before it asked a model: see the release's line before it. `session deleted`: the session was deleted while its command ran, so no action is needed. `too many sessions wait for one`: they wait for the session's next message. A message to the session takes the events on most releases",
  },

  sessionDenied: {
    section: "denied",
    fix: "add a rule for this connection with a pattern of the session; the first rule that matches the connection decides, so check the rules before it",
  },
  methodDenied: {
    section: "denied",
    fix: "[access.md](access.md#method-by-method) says why; to allow the method anyway, name it in the rule's `methods`; for `openclaw-event-isolation status`, use `openclaw isolation status` instead",
  },
  parameterDenied: {
    section: "denied",
    fix: "`details.parameter` names the parameter: leave it out, or see [access.md](access.md#parameters) for the parameters that need a rule for all sessions of an agent",
  },

  claimLimit: {
    section: "invalid",
    fix: "leave sessions with `sessions.messages.unsubscribe`, open another connection, or raise the limit",
  },
  textRequired: { section: "invalid", fix: "give the wake a text" },
  noSessionKey: { section: "invalid", fix: "leave it out for the main session" },
  malformedSessionKey: { section: "invalid", fix: "write the whole key" },
  noAgentId: { section: "invalid", fix: "leave `agentId` out, or name the same agent" },
  unknownAgentId: { section: "invalid", fix: "name an agent of `agents.list`" },
  subagentSession: {
    section: "invalid",
    fix: "a sub-agent has no heartbeat: wake the session that started it",
  },
  globalSessionOnly: { section: "invalid", fix: "leave the key out" },
  defaultAgentOnly: { section: "invalid", fix: "leave the agent out" },
  hookKeyDisabled: {
    section: "invalid",
    fix: "as it says, and also set `hooks.allowedSessionKeyPrefixes`",
  },
  hookKeyPrefix: {
    section: "invalid",
    fix: "use an allowed key, or add a prefix to `hooks.allowedSessionKeyPrefixes`",
  },
  hookAgentDenied: {
    section: "invalid",
    fix: "use an allowed agent, or add the agent to `hooks.allowedAgentIds`",
  },
  hookKeyEmpty: {
    section: "invalid",
    fix: "the webhook's body lacks the values that the mapping's `sessionKey` needs",
  },
  hookKeyUnsupported: {
    section: "invalid",
    fix: "the hook was called in a way that the module does not know; please report it",
  },
  sessionKeyUnchecked: { section: "invalid", fix: "the configuration did not answer; correct it" },
  hookKeyUnchecked: { section: "invalid", fix: "the module failed on it; please report it" },

  requestFailed: { section: "unavailable", fix: "a defect of the module, which fails closed; please report it" },
  statusUnreadable: { section: "unavailable", fix: "a defect of the module; please report it" },

  pluginNotLoaded: {
    section: "command",
    after: " (`openclaw isolation status`, code 1)",
    fix: "restart the gateway; see its log",
  },
  hangsWithPreload: {
    section: "doctor",
    shown: ["23…", "…"],
    fix: "use another Node version, or remove the other preload",
  },
};

/** The end of {@link MESSAGES.heartbeatsLack}, `without` of the seams, and what heartbeats lack then. */
export const HEARTBEATS_LACK: Readonly<Record<string, string>> = {
  "heartbeats run as in OpenClaw, alongside users' runs": "all of [heartbeats.md](heartbeats.md)",
  "the log does not report the interval of heartbeats at startup": "the line above",
  "the module assumes that a heartbeat runs on the session that it names, or on main":
    "a heartbeat on another session is not kept from its users",
  "runs that no client's request started do not defer heartbeats": "a heartbeat may start during a channel's run",
  "a run that waits behind a heartbeat may be mistaken for it": "its last frame may come late",
  "a user's message waits for the heartbeat": "it waits up to 10 s instead of aborting the heartbeat",
  "a heartbeat that has ended may be run again": "an alert may come twice",
  "a channel's message does not abort a heartbeat, and an aborted one may repeat a reply": "",
  "the events of an aborted heartbeat are lost": "set `heartbeat.preempt` to `false`",
};
