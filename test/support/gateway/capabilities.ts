/**
 * The behaviour of a release, as far as a case or a scene depends on it: one flag each, and the releases for which it
 * is true. Cases ask for flags and compare no versions.
 */
import { inRange } from "../../../src/cli/versions.ts";

const TRUE_ON = {
  // Heartbeats
  /** Aborts a heartbeat for a user's message itself, keeps its events, and runs it again after an idle minute. */
  preemptsHeartbeats: ">=2026.8.1",
  /** Keeps the command lane of a heartbeat that is aborted occupied for up to 30 s: the module aborts none. */
  occupiesLaneOnAbort: ">=2026.5.28 <2026.8.1",
  /** Keeps a message that comes during a heartbeat, at least most of the time. */
  keepsFollowUps: ">=2026.5.28",
  /** Asks heartbeats to answer with `NO_REPLY` if there is nothing to say; still knows `HEARTBEAT_OK`. */
  acksWithNoReply: ">=2026.8.1",
  /** Where acks are shown, sends the texts of heartbeats as chat too. */
  sendsHeartbeatsAsChat: "<2026.4",
  /** On a busy machine takes a session for busy for a while after each final, heartbeats or not. */
  staysBusyAfterFinals: ">=2026.5 <2026.6",
  /** Reports for each run whether it is a heartbeat. */
  marksHeartbeatRuns: ">=2026.9",
  /** Configures what of heartbeats is shown as `channels.defaults.heartbeatVisibility`, not `…heartbeat`. */
  hasHeartbeatVisibility: ">=2026.8.1",
  /** Takes over a change of that while it runs; others restart. */
  reloadsHeartbeatVisibility: ">=2026.9",
  /** Takes active hours that end when they begin for all hours. */
  takesEmptyHoursForAll: "<2026.3",
  /** Runs the end of a command in quiet hours, too. */
  runsCompletionsInQuietHours: ">=2026.9",
  /** A heartbeat may have a session of its own: `heartbeat.isolatedSession`. */
  hasIsolatedHeartbeats: ">=2026.3.22",

  // Cron runs, wakes, webhooks
  /** Puts the events of a cron run's commands under the main session. */
  remapsCronEvents: ">=2026.5.12",
  /** Names a cron run `agent:<id>:cron:<job>:run:<run>`; others `agent:<id>:cron:<job>`. */
  namesCronRuns: ">=2026.4",
  /** A cron job says where its answer is delivered; before, its payload does. */
  hasCronDelivery: ">=2026.2.3",
  /** A forced cron run waits for a second place in its lane, which has one by default (openclaw#42152). */
  deadlocksForcedCronRuns: "2026.3.8",
  /** Knows cron jobs that deliver to a webhook; from the same releases on, jobs without delivery hide exit notices. */
  deliversCronToWebhooks: ">=2026.3",
  /** Each agent has a queue of its own for its global session. */
  hasGlobalSessionOfAgent: ">=2026.8.1",
  /** Takes the events of a node that nobody has approved. */
  takesReportsOfNodes: "<2026.8",
  /** Knows the node event `notifications.changed`. */
  hasNotificationReports: ">=2026.5",
  /** A `wake` may have a `sessionKey`; others refuse it as an unexpected property. */
  wakesMayNameSessions: ">=2026.5",
  /** … and it means that session; others ignore it. */
  wakesReachSessions: ">=2026.8.1",
  /** `hooks` has rules for the session keys of callers. */
  hasHookRules: ">=2026.2.12",

  // Connections
  /** Takes the third form of device proofs, which the official client makes; others the second. */
  takesNewDeviceProofs: ">=2026.2.26",
  /** Clears the scopes of a backend without a device. */
  needsDevice: ">=2026.2.17 <=2026.2.25 || >=2026.3.13 <=2026.4.15",
  /** Lets clients with `operator.read` ask for what a plugin offers; others admins only. */
  givesStatusToReaders: ">=2026.8",

  /** Lets admins abort a run of another session than the one they name. */
  abortsRunsOfOtherSessions: ">=2026.9",
  /** Sends a request of `agent` for the main session to where a voice-wake route leads. */
  reroutesVoiceWakes: ">=2026.5 <2026.9",
  // Events
  /** The events of a sub-agent name the session that spawned it. */
  namesSpawningSession: ">=2026.5",
  /** Tells all clients of tasks, cron runs among them. */
  hasTaskEvents: ">=2026.9",
  /** Adds rows of the sessions above to a session's events. */
  addsAncestorRows: ">=2026.9",

  // Clients
  /** Speaks protocol 4, and only that. */
  speaksProtocol4: ">=2026.6",
  /** `openclaw cron run` can wait for the run. */
  waitsForCronRuns: ">=2026.6",
  /** `openclaw acp` hears of the sessions that it makes itself; before, only of one that is named by its whole key. */
  hearsOwnAcpSessions: ">=2026.6",
  /** Has `openclaw mcp serve`. */
  servesMcp: ">=2026.5",
  /** Sends the events of tools to the client that started the run. */
  sendsToolEvents: ">=2026.5",
  /** Streams reasoning to clients that ask for it. */
  streamsReasoning: ">=2026.9",
  /** The Control UI proves its device in the way that the browser tests drive. */
  hasDrivableControlUi: ">=2026.5",
  /** The Control UI has a page for each session, under `/chat/<agent>/<rest of the key>`. */
  hasSessionPages: ">=2026.9",
  /** The Control UI shows, even without the module, that a run was stopped. */
  showsStoppedRuns: ">=2026.9",

  // Configuration and plugins
  /** Takes over a change of a plugin's settings while it runs; others restart. */
  reloadsPluginSettings: ">=2026.4",
  /** Runs with settings of a plugin that is not installed; others refuse to start. */
  allowsSettingsOfMissingPlugins: ">=2026.5",
  /** Asks before it installs a plugin from a local source. */
  asksBeforeLocalPlugins: ">=2026.9",
  /** The diagnostics events of the module reach the listeners of plugins; others have them in another copy. */
  sharesDiagnostics: ">=2026.3",
  /** Hides most tools in a catalogue unless `tools.toolSearch` is false. */
  hidesTools: ">=2026.9",
  /** `tools.exec` has one `mode` instead of `security` and `ask`. */
  hasExecMode: ">=2026.9",
  /** Has Telegram built in, and not only Signal by an address. */
  hasTelegram: ">=2026.6",
  /** Notifies subscribed browsers of events. */
  pushesToBrowsers: ">=2026.8.1",
  /** Boots within seconds: four files at a time. */
  bootsFast: "<2026.3",
} as const satisfies Record<string, string>;

export type Capabilities = { readonly [name in keyof typeof TRUE_ON]: boolean };

/** What a release does. */
export function capabilities({ version }: { readonly version: string }): Capabilities {
  const flags = Object.entries(TRUE_ON).map(([name, range]) => [name, inRange(version, range)]);
  return Object.fromEntries(flags) as Capabilities;
}

/** `tools` that run commands on the gateway without asking anybody, and that no catalogue hides. */
export function toolsWithoutQuestions(release: { readonly version: string }, exec: object = {}): object {
  const { hidesTools, hasExecMode } = capabilities(release);
  const allowed = hasExecMode ? { mode: "full" } : { security: "full", ask: "off" };
  return { exec: { host: "gateway", ...allowed, ...exec }, ...(hidesTools ? { toolSearch: false } : {}) };
}
