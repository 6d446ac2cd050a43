/**
 * Every event that a pinned release can send: what makes it come in the scene, or why nothing does
 * here, and who gets it from a gateway with the module.
 *
 * A name that a release has and this table lacks fails a test: a new release forces a decision.
 */

/** The recipients of an event from a gateway with the module. */
export const RULES = {
  session: "connections that claim its session",
  roster: "connections that asked for the list of sessions",
  status: "in full to connections that claim its session and to observers; to all others without its key and text",
  states: "in full to observers; to all others without keys and text",
  asker: "the connection that asked, as upstream",
  scope: "as upstream: connections with the scope for it",
  all: "as upstream: it holds no data of a session",
  question: "connections that got the question",
} as const;

export type Coverage = {
  readonly event: string;
  readonly rule: keyof typeof RULES;
} & (
  | {
      /** Name of the act that makes it come: see `every-event.ts`. */
      readonly act: string;
    }
  | {
      /** Why the scene does not make it come. */
      readonly why: string;
    }
);

const PROFILE = "needs a user's profile, which a connection by token does not have";
const NETWORK = "needs a network service";
const NODE = "goes to nodes only";
const VOICE = "needs a speech provider";
export const ITSELF = "the gateway by itself";

export const COVERAGE: readonly Coverage[] = [
  { event: "agent", rule: "session", act: "a reply with a tool" },
  { event: "board.changed", rule: "session", act: "a board" },
  { event: "board.command", rule: "session", why: "needs an agent's tool and an open Control UI" },
  { event: "chat", rule: "session", act: "a reply with a tool" },
  { event: "chat.metadata.changed", rule: "all", why: "needs a change of the model's account; it has no payload" },
  { event: "chat.send_timing", rule: "asker", why: "goes to the Control UI that sent the message" },
  { event: "chat.side_result", rule: "session", act: "a question aside" },
  { event: "config.changed", rule: "all", act: "a change of the config" },
  { event: "connect.challenge", rule: "all", act: ITSELF },
  { event: "controlUi.sessionPullRequests.changed", rule: "asker", why: NETWORK },
  { event: "cron", rule: "status", act: "a cron job of its own session" },
  { event: "device.pair.changed", rule: "scope", act: "a node" },
  { event: "device.pair.requested", rule: "scope", why: "needs a device that is not on this machine" },
  { event: "device.pair.resolved", rule: "scope", act: "a node" },
  { event: "device.pair.setup.completed", rule: "scope", why: "needs a phone that scans a code" },
  { event: "device.pair.setup.deliveryUncertain", rule: "scope", why: "needs a phone that scans a code" },
  { event: "exec.approval.requested", rule: "scope", act: "an approval of a command" },
  { event: "exec.approval.resolved", rule: "scope", act: "an approval of a command" },
  { event: "gateway.suspension", rule: "all", act: "a pause of the gateway" },
  { event: "health", rule: "states", act: "health" },
  { event: "heartbeat", rule: "status", act: "a cron job of the main session" },
  { event: "mentions.changed", rule: "asker", why: PROFILE },
  { event: "models.snapshot", rule: "all", why: "goes to Control UIs that ask for it when they connect" },
  { event: "node.hostStats", rule: "all", why: "needs a node that measures its host" },
  { event: "node.invoke.cancel", rule: "all", why: NODE },
  { event: "node.invoke.input", rule: "all", why: NODE },
  { event: "node.invoke.request", rule: "all", why: NODE },
  { event: "node.pair.requested", rule: "scope", act: "a node" },
  { event: "node.pair.resolved", rule: "scope", act: "a node" },
  { event: "node.presence", rule: "all", why: "needs a node that watches its user" },
  { event: "node.runnerInventory.changed", rule: "all", why: "needs a node with runners" },
  { event: "openclaw.approval.requested", rule: "scope", why: "needs the system agent" },
  { event: "openclaw.approval.resolved", rule: "scope", why: "needs the system agent" },
  { event: "plugin.*", rule: "session", act: "an event of a plugin" },
  { event: "plugin.approval.requested", rule: "scope", act: "an approval of a plugin" },
  { event: "plugin.approval.resolved", rule: "scope", act: "an approval of a plugin" },
  { event: "plugins.changed", rule: "all", why: "needs an installation of a plugin; its payload is a number" },
  { event: "plugins.controlUi.changed", rule: "all", act: "plugins reload" },
  { event: "plugins.install.progress", rule: "asker", why: NETWORK },
  { event: "portal.changed", rule: "states", act: "a portal" },
  { event: "presence", rule: "states", act: "a system event" },
  { event: "progressCard.changed", rule: "session", act: "a progress card" },
  { event: "question.requested", rule: "session", act: "a question" },
  { event: "question.resolved", rule: "question", act: "a question" },
  { event: "session.approval", rule: "session", act: "an approval of a command" },
  { event: "session.message", rule: "session", act: "a reply with a tool" },
  { event: "session.observer", rule: "session", why: "needs a run of half a minute and a second model" },
  { event: "session.operation", rule: "session", act: "a session compacted and another reset" },
  { event: "session.sharing", rule: "session", why: PROFILE },
  { event: "session.sharing.evidence", rule: "session", act: "a change of who may see the session" },
  { event: "session.suggestion", rule: "session", why: PROFILE },
  { event: "session.tool", rule: "session", act: "a reply with a tool" },
  { event: "session.typing", rule: "session", why: PROFILE },
  { event: "sessions.catalog.host", rule: "asker", why: "needs a host with sessions of other programs" },
  { event: "sessions.changed", rule: "roster", act: "a reply with a tool" },
  { event: "shutdown", rule: "all", act: ITSELF },
  { event: "skills.changed", rule: "all", why: "needs a skill that is installed; its payload is a reason" },
  { event: "talk.event", rule: "session", why: VOICE },
  { event: "talk.mode", rule: "all", act: "talk" },
  { event: "talk.voice.change", rule: "asker", why: VOICE },
  { event: "task", rule: "status", act: "a cron job of its own session" },
  { event: "task.suggestion", rule: "session", act: "a suggested task" },
  { event: "terminal.data", rule: "asker", why: "needs a native module for terminals" },
  { event: "terminal.exit", rule: "asker", why: "needs a native module for terminals" },
  { event: "tick", rule: "all", act: ITSELF },
  { event: "ui.command", rule: "asker", why: "goes to the Control UI that asked" },
  { event: "update.available", rule: "all", why: NETWORK },
  { event: "update.run.changed", rule: "scope", why: NETWORK },
  { event: "users.prefs.changed", rule: "asker", why: PROFILE },
  { event: "voicewake.changed", rule: "all", act: "wake words" },
  { event: "voicewake.routing.changed", rule: "states", act: "where wake words lead" },
];
