/**
 * The methods that a connection under access rules may call, and how the rules treat each.
 *
 * The table is closed. A method that is not in it, in this release or a later one, is denied to every connection
 * whose rule does not allow all sessions or name the method.
 */

/**
 * `as-is`; `rows`: without the rows of sessions that are not allowed; `key`: the same, and only if the session that
 * the gateway chose or found is allowed; `list`: rows, with counts and pages of the remaining ones; `lookup`: every
 * look-up without an allowed session gets the same answer, including errors.
 */
export type AnswerCheck = "as-is" | "rows" | "presence" | "key" | "list" | "lookup";

/** A method about sessions that it names. */
export interface Bound {
  /** The parameter that names the session, or the sessions. */
  readonly field: "sessionKey" | "sessionKeys" | "key" | "keys" | "targets" | "question";
  /** The meaning of a request without it; by default it is denied. */
  readonly otherwise?: "main-session" | "agent-main-session" | "new-session" | "lookup";
  /** The gateway also creates a session of its own choice. */
  readonly makes?: true;
  readonly answer?: AnswerCheck;
}

const bound = (field: Bound["field"], methods: string, more: Omit<Bound, "field"> = {}): [string, Bound][] =>
  methods
    .trim()
    .split(/\s+/)
    .map((method) => [method, { field, ...more }]);

/** Methods about sessions that they name. */
export const BOUND: ReadonlyMap<string, Bound> = new Map([
  ...bound(
    "sessionKey",
    `artifacts.download artifacts.get artifacts.list
     board.event board.get board.update board.widget.appView board.widget.put
     chat.abort chat.inject chat.message.get chat.metadata chat.send chat.subscribe chat.toolTitles
     progressCard.get progressCard.put progressCard.refresh question.request
     session.discussion.info session.discussion.open
     session.members.add session.members.list session.members.listEvidence session.members.remove
     session.suggestions.add session.suggestions.list session.suggestions.resolve
     session.typing
     sessions.branches.list
     sessions.companion.ask sessions.companion.reset sessions.companion.state
     sessions.diff sessions.files.get sessions.files.list sessions.files.set
     talk.client.close talk.client.steer talk.client.toolCall talk.client.transcript
     tools.effective`,
  ),
  ...bound(
    "key",
    `sessions.abort sessions.compaction.get sessions.compaction.list sessions.delete sessions.get sessions.messages.unsubscribe
     sessions.pluginPatch sessions.send sessions.steer sessions.usage.logs sessions.usage.timeseries`,
  ),
  // Their answers contain the session's row, which names its parents and children.
  ...bound(
    "sessionKey",
    `chat.history chat.startup session.visibility.set sessions.branches.switch
     sessions.goal.clear sessions.goal.update sessions.rewind`,
    { answer: "rows" },
  ),
  ...bound(
    "key",
    `sessions.compact sessions.compaction.restore sessions.describe sessions.messages.subscribe
     sessions.patch sessions.reset sessions.setInvolvement`,
    { answer: "rows" },
  ),
  ...bound("key", "sessions.usage", { answer: "rows" }),
  ...bound("sessionKey", "sessions.fork", { makes: true, answer: "key" }),
  ...bound("key", "sessions.compaction.branch sessions.recover", { makes: true, answer: "key" }),
  ...bound("key", "sessions.create", { otherwise: "new-session", answer: "key" }),
  ...bound("key", "sessions.resolve", { otherwise: "lookup", answer: "key" }),
  ...bound("sessionKey", "agent", { otherwise: "agent-main-session", answer: "key" }),
  ...bound("sessionKey", "talk.client.create talk.realtime.session talk.session.create", {
    otherwise: "main-session",
  }),
  ...bound("sessionKey", "tasks.list", { answer: "rows" }),
  ...bound("sessionKeys", "sessions.search sessions.viewers.set", { answer: "rows" }),
  ...bound("keys", "sessions.preview", { answer: "rows" }),
  ...bound("targets", "sessions.patchMany"),
  ...bound("question", "question.get question.resolve question.waitAnswer"),
]);

/** Methods whose answer has separate rows for all sessions. */
export const ROWS: ReadonlyMap<string, AnswerCheck> = new Map([
  ["health", "rows"],
  ["question.list", "rows"],
  ["sessions.list", "list"],
  ["sessions.subscribe", "list"],
  ["system-presence", "presence"],
]);

/**
 * The key that the gateway invents for a session: `agent:<agent>:dashboard:<uuid>`, on all releases that do so. A
 * request for such a session is allowed if all such keys are.
 */
export const MADE_UP = "dashboard:";

/** Methods that reveal no session, or only what this connection itself has opened. */
export const OPEN: ReadonlySet<string> = new Set([
  "agent.identity.get",
  "agent.wait", // by a run id: see refersElsewhere
  "agents.list",
  "channels.status",
  "commands.list",
  "config.get",
  "config.schema",
  "config.schema.lookup",
  "connect",
  "gateway.identity.get",
  "models.authStatus",
  "models.list",
  "plugins.uiDescriptors",
  "sessions.unsubscribe",
  "skills.status",
  "talk.catalog",
  "talk.config",
  "talk.session.acknowledgeMark",
  "talk.session.appendAudio",
  "talk.session.cancelOutput",
  "talk.session.close",
  "talk.session.steer",
  "talk.session.submitToolResult",
  "talk.speak",
  "themes.get",
  "themes.list",
  "tools.catalog",
  "tts.convert",
  "tts.personas",
  "tts.providers",
  "tts.speak",
  "tts.status",
  "usage.status",
  "users.prefs.get",
  "users.prefs.set",
  "users.self",
  "voicewake.get",
]);
