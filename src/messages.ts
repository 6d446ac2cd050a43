/**
 * The messages of the gateway's process, in its log and in its answers, and of `openclaw isolation`. A message says
 * what happened, then what to do. Texts only: every folder may import this file, and it imports nothing.
 *
 * scripts/docs/troubleshooting/ has the cause and the fix of each.
 */
const WITHOUT_PRELOAD =
  "this gateway was launched WITHOUT the preload, so every client would get the events of every session";
const startWith = (preload: string): string =>
  `Start it with openclaw-event-isolation run, or with NODE_OPTIONS="--import=${preload}"`;
const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
const denied = (method: string, why: string): string => `session access denied: ${method}: ${why} (event-isolation)`;

export const MESSAGES = {
  // Attaching, and what ends a gateway at its start.
  noRegisterHooks: (node: string) => `Node ${node} has no module.registerHooks: update Node to 22.15 or newer`,
  hangsWithPreload: (node: string, others: string) =>
    `Node ${node} may hang at startup when another preload (${others}) installs a loader: use Node 22.15 or newer, but not 23`,
  notStarted: (problem: string) => `${problem}. The gateway was not started`,
  missingSeams: (release: string, seams: string) => `cannot attach to OpenClaw ${release}: it has no ${seams}`,
  unknownBroadcaster: (release: string, reason: string) =>
    `the broadcaster of OpenClaw ${release} is of an unknown kind: ${reason}`,
  notStartedUnprotected: (problem: string) =>
    `${problem}. The gateway was not started. Update openclaw-event-isolation, start without it, or set onMissingSeam to "warn" to run unprotected`,
  runsUnprotected: (problem: string) => `${problem}. The gateway runs UNPROTECTED because onMissingSeam is "warn"`,
  missingPreload: (preload: string) =>
    `${WITHOUT_PRELOAD}. It was stopped. ${startWith(preload)}, or set onMissingPreload to "warn" to run unprotected`,
  missingPreloadAllowed: (preload: string) =>
    `${WITHOUT_PRELOAD}. It runs UNPROTECTED because onMissingPreload is "warn". ${startWith(preload)}`,
  missingPreloadUntilRestart: (preload: string) =>
    `${WITHOUT_PRELOAD}. It runs UNPROTECTED until its next start. ${startWith(preload)}`,

  // Settings.
  unknownSetting: (path: string, known: string) => `unknown setting "${path}": expected one of ${known}`,
  /** @param path empty for all settings */
  wrongSetting: (path: string, expected: string, got: string) =>
    `${path === "" ? "the settings" : `"${path}"`} must be ${expected}, got ${got}`,
  emptySetting: (path: string, known: string) => `"${path}" must have at least one of ${known}, got none`,
  settingsFileTooLate:
    "OPENCLAW_EVENT_ISOLATION_CONFIG was set after startup, for example by a .env file: set it where the gateway is started",
  settingsFileUnreadable: (reason: string) =>
    `the file that OPENCLAW_EVENT_ISOLATION_CONFIG names cannot be read: ${reason}`,
  settingsUnreadable: (reason: string) => `the settings could not be read, so the strictest ones apply: ${reason}`,
  settingsInvalid: (reason: string) =>
    `the changed settings are invalid, so the previous ones stay in force: ${reason}`,
  settingsReloaded: (rules: number, observers: number) =>
    `settings reloaded: ${counted(rules, "access rule")}, ${counted(observers, "observer")}`,

  // Access rules without the effect that they were written for. `rule` is a rule's place in the settings.
  ruleWithoutDevice: (rule: number, device: string) =>
    `access[${rule}] names the device "${device}", which does not look like a device id (64 hexadecimal digits): openclaw devices list --json shows the ids`,
  ruleForRole: (rule: number, role: string) =>
    `access[${rule}] never matches: access rules apply to operators, not to the role "${role}"`,
  ruleCovered: (rule: number, earlier: number) =>
    `access[${rule}] never matches: access[${earlier}] comes first and matches all of its connections`,
  ruleWithoutKeys: (rule: number, pattern: string) =>
    `access[${rule}] has the pattern "${pattern}", which no session key can match: keys are agent:<agent id>:<rest>, global or unknown`,
  ruleSelfReported: (rule: number, fields: string) =>
    `access[${rule}] gives a connection more than the rules below it because of self-reported values (${fields}): any client that has the gateway's token can send the same values, and on the gateway's own machine it gets the scopes that it asks for; match deviceId, user or profile instead`,

  // Delivery.
  /** @param entry the entry for `observers` that matches the client, if it has a name */
  silentClient: (client: string, withheld: number, entry: string | undefined) =>
    `client ${client} only listens: ${withheld} events of sessions were withheld from it because it claims no session. To let it receive them, have it ask for its sessions (sessions.messages.subscribe, chat.history)${entry === undefined ? "" : `, or add this entry to the settings (docs/clients.md), under observers: ${entry}`}`,
  silentClientsFull: "the log names no further kinds of clients that only listen; the status shows them",
  eventsWithoutKey: (event: string) =>
    `"${event}" events go to nobody: they carry no session key; this OpenClaw release may have changed their payload`,
  eventsWithBadKey: (event: string) => `"${event}" events go to nobody: their session key is malformed`,
  eventsFailed: (event: string) =>
    `"${event}" events go to nobody: the module failed on one of them; please report it, with the OpenClaw release`,
  sessionDenied: (method: string) => denied(method, "no access rule lets this connection use the session"),
  methodDenied: (method: string) =>
    denied(
      method,
      "the access rule for this connection does not allow this method; the rule can list it under methods",
    ),
  parameterDenied: (method: string, parameter: string) =>
    denied(
      method,
      `the parameter ${JSON.stringify(parameter)} could lead to, or reveal, a session that this connection may not use`,
    ),
  claimLimit: (limit: number) =>
    `event-isolation: this connection is already subscribed to ${limit} sessions (limits.claimsPerConnection); leave one with sessions.messages.unsubscribe or open another connection`,
  requestFailed: (method: string) =>
    `event-isolation: an internal failure kept this request (${method}) from the gateway; please report it`,

  // Heartbeats.
  heartbeats: (agents: string) => `heartbeats: ${agents} (agents.defaults.heartbeat.every: "0" turns them off)`,
  heartbeatsLack: (functions: string, without: string) => `heartbeats: ${functions} not found, so ${without}`,
  heartbeatsSearchFailed: (reason: string) => `heartbeats: the search for seams failed: ${reason}`,

  // Wakes. Where upstream has an error, these are its words.
  queueFull: (events: number) =>
    `a session's queue of system events was full (${events} events) and its oldest event was dropped; further drops are only counted`,
  queueUndrained:
    "the output of a background command stays in its session's queue: this release runs the session under a key with capital letters or without an agent, from which no message and no heartbeat takes events; further ones are only counted",
  /** @param answer the last heartbeat's */
  wakeUnanswered: (agent: string, events: number, answer: string) =>
    `no heartbeat of agent ${agent} took ${events} event(s) of one of its sessions (${answer}); they stay in the session's queue`,
  textRequired: "text required",
  noSessionKey: "sessionKey must be a non-empty session key",
  malformedSessionKey: (key: string) => `malformed session key "${key}": expected agent:<agentId>:<session>`,
  noAgentId: "agentId must be a non-empty string",
  otherAgentId: (named: string, agent: string) =>
    `agentId "${named}" contradicts the agent "${agent}" of the session key`,
  unknownAgentId: (agent: string) => `Unknown agent id "${agent}"`,
  subagentSession: "sessionKey cannot be that of a subagent session",
  globalSessionOnly:
    'under session.scope "global" this release wakes the global session only: leave out sessionKey, or name "global"',
  defaultAgentOnly:
    'under session.scope "global" this release has one session, which its default agent runs: leave out agentId',
  sessionKeyUnchecked: "the session key could not be checked against the gateway's configuration",
  hookKeyDisabled:
    "sessionKey is disabled for externally supplied hook payload values; set hooks.allowRequestSessionKey=true to enable",
  hookKeyPrefix: (prefixes: string) => `sessionKey must start with one of: ${prefixes}`,
  hookAgentDenied: "agentId is not allowed by hooks.allowedAgentIds",
  hookKeyEmpty: "hook mapping sessionKey template rendered empty",
  hookKeyUnsupported: "sessionKey is not supported here",
  hookKeyUnchecked: "the webhook's session key could not be checked",

  // The plugin's method and its command.
  statusUnreadable: "event-isolation: the status could not be read",
  pluginNotLoaded: "the gateway has not loaded the plugin: restart the gateway",
  noAnswer: (reason: string) => `the gateway did not answer: ${reason}`,
} as const;
