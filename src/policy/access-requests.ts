/**
 * What a request means to the access rules: which sessions it names, and what its answer may show.
 *
 * The table is closed. A method that is not in it, this release's or a later one's, is denied to
 * every connection whose rule does not allow all sessions or name the method.
 */
import type { SessionAccess } from "./access.ts";
import type { KeyReader } from "./session-event.ts";

/** What becomes of a request. */
export type RequestVerdict =
  | { readonly allowed: true; readonly answer: AnswerCheck }
  | { readonly allowed: false; readonly because: "session" | "method" };

/**
 * `as-is`; `rows`: without the rows of sessions that are not allowed; `key`: the same, and only if the
 * session that the gateway chose or found is allowed.
 */
export type AnswerCheck = "as-is" | "rows" | "key";

interface Bound {
  /** The parameter that names the session, or the sessions. */
  readonly field: "sessionKey" | "sessionKeys" | "key" | "keys" | "targets" | "question";
  /** What a request without it means; by default it is denied. */
  readonly otherwise?: "main-session" | "agent-main-session" | "answer-decides";
  readonly answer?: AnswerCheck;
}

const bound = (field: Bound["field"], methods: string, more: Omit<Bound, "field"> = {}): [string, Bound][] =>
  methods
    .trim()
    .split(/\s+/)
    .map((method) => [method, { field, ...more }]);

/** Methods that are about sessions which they name. */
const BOUND: ReadonlyMap<string, Bound> = new Map([
  ...bound(
    "sessionKey",
    `artifacts.download artifacts.get artifacts.list
     board.event board.get board.update board.widget.appView board.widget.put
     chat.abort chat.history chat.inject chat.message.get chat.metadata chat.send chat.startup chat.toolTitles
     progressCard.get progressCard.put progressCard.refresh question.request
     session.discussion.info session.discussion.open
     session.members.add session.members.list session.members.listEvidence session.members.remove
     session.suggestions.add session.suggestions.list session.suggestions.resolve
     session.typing session.visibility.set
     sessions.branches.list sessions.branches.switch
     sessions.companion.ask sessions.companion.reset sessions.companion.state
     sessions.diff sessions.files.get sessions.files.list sessions.files.set
     sessions.goal.clear sessions.goal.update sessions.rewind
     talk.client.close talk.client.steer talk.client.toolCall talk.client.transcript
     tools.effective`,
  ),
  ...bound(
    "key",
    `sessions.abort sessions.compact
     sessions.compaction.get sessions.compaction.list sessions.compaction.restore
     sessions.delete sessions.describe sessions.get
     sessions.messages.subscribe sessions.messages.unsubscribe
     sessions.patch sessions.pluginPatch sessions.recover sessions.reset sessions.send
     sessions.setInvolvement sessions.steer sessions.usage.logs sessions.usage.timeseries`,
  ),
  ...bound("key", "sessions.usage", { answer: "rows" }),
  ...bound("sessionKey", "sessions.fork", { answer: "key" }),
  ...bound("key", "sessions.compaction.branch", { answer: "key" }),
  ...bound("key", "sessions.create sessions.resolve", { otherwise: "answer-decides", answer: "key" }),
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

/** Methods whose answer tells of all sessions in rows that can be told apart. */
const ROWS = new Set(["health", "question.list", "sessions.list", "sessions.subscribe", "system-presence"]);

/** Methods that tell nothing of a session, or only of what this very connection has opened. */
const OPEN: ReadonlySet<string> = new Set([
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
  "usage.cost",
  "usage.status",
  "users.prefs.get",
  "users.prefs.set",
  "users.self",
  "voicewake.get",
]);

/** Where upstream itself checks a `sessionId` against the session key or the connection beside it. */
const CHECKED_SESSION_ID =
  /^(?:chat\.(?:history|send)|session\.typing|sessions\.(?:goal\.\w+|resolve)|talk\.session\.\w+)$/;

/** Where upstream itself checks a `runId` against the session key beside it. */
const CHECKED_RUN_ID = new Set(["chat.abort"]);

/** Parameters that name further sessions, wherever they stand: `parentSessionKey`, `sessionKeys`. */
const NAMES_SESSIONS = /(?:^s|S)essionKeys?$|^spawnedBy$/;

/** How much of a request's parameters is looked through. */
const MAX_DEPTH = 6;
const MAX_VALUES = 5_000;

/** What the decision asks about the connection. */
export interface Asker {
  readonly access: SessionAccess;
  readonly canonical: KeyReader;
  /** Whether this connection started a run. */
  startedRun(runId: string): boolean;
  /** Canonical keys of the sessions in which an open question was asked; none if it is not known. */
  sessionsOfQuestion(id: unknown): readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const DENIED_SESSION: RequestVerdict = { allowed: false, because: "session" };
const DENIED_METHOD: RequestVerdict = { allowed: false, because: "method" };

/**
 * Whether a connection may make a request. Whatever is malformed is denied.
 *
 * @param method gateway method, e.g. `chat.send`
 * @param params the request's parameters, untrusted in shape
 */
export function judgeRequest(method: string, params: unknown, asker: Asker): RequestVerdict {
  const body: Fields = typeof params === "object" && params !== null ? (params as Fields) : {};
  const rule = BOUND.get(method);
  const granted = asker.access.methods.has(method);
  if (!rule && !ROWS.has(method) && !OPEN.has(method) && !granted) return DENIED_METHOD;
  const agentId = text(body["agentId"]);
  const mayUse = (value: unknown, agent = agentId): boolean => {
    const key = asker.canonical(value, agent);
    return key !== undefined && asker.access.allows(key);
  };
  if (!furtherSessions(body).every((value) => mayUse(value))) return DENIED_SESSION;
  if (!rule) {
    if (!granted && refersElsewhere(method, body, asker)) return DENIED_SESSION;
    return { allowed: true, answer: ROWS.has(method) ? "rows" : "as-is" };
  }
  if (refersElsewhere(method, body, asker)) return DENIED_SESSION;
  const answer = rule.answer ?? "as-is";
  const named =
    rule.field === "question"
      ? asker.sessionsOfQuestion(body["id"]).map((key): Named => ({ key }))
      : namedBy(rule.field, body);
  if (named?.length === 0) return DENIED_SESSION;
  if (named) return named.every((each) => mayUse(each.key, each.agentId)) ? { allowed: true, answer } : DENIED_SESSION;
  return mayLackSession(rule.otherwise) ? { allowed: true, answer } : DENIED_SESSION;

  function mayLackSession(otherwise: Bound["otherwise"]): boolean {
    if (otherwise === undefined) return false;
    if (otherwise === "answer-decides") return true;
    if (agentId !== undefined) {
      // Other targets, such as `to`, are resolved by the gateway where we cannot see it.
      return !present(body["to"]) && mayUse(`agent:${agentId}:main`);
    }
    return otherwise === "main-session" && mayUse("main");
  }
}

interface Named {
  readonly key: unknown;
  readonly agentId?: string | undefined;
}

/** The sessions in the parameter that names them; undefined if there is none in it. */
function namedBy(field: Exclude<Bound["field"], "question">, body: Fields): readonly Named[] | undefined {
  const value = body[field];
  if (!present(value)) return undefined;
  if (field === "key" || field === "sessionKey") return [{ key: value }];
  if (!Array.isArray(value)) return [{ key: undefined }];
  if (value.length === 0) return undefined;
  if (field !== "targets") return value.map((key: unknown) => ({ key }));
  return value.map((target: unknown) => {
    const each = (typeof target === "object" && target !== null ? target : {}) as Fields;
    return { key: each["key"], agentId: text(each["agentId"]) ?? text(body["agentId"]) };
  });
}

/** Ids that upstream resolves to a session past its key: a run of one's own is known, others are not. */
function refersElsewhere(method: string, body: Fields, asker: Asker): boolean {
  if (present(body["taskId"])) return true;
  if (present(body["sessionId"]) && !CHECKED_SESSION_ID.test(method)) return true;
  const runId = body["runId"];
  if (!present(runId) || CHECKED_RUN_ID.has(method)) return method === "agent.wait" && !present(runId);
  return typeof runId !== "string" || !asker.startedRun(runId);
}

/** Values of all parameters whose name says that they hold session keys; one that is none, if there is too much. */
function furtherSessions(body: Fields): readonly unknown[] {
  const found: unknown[] = [];
  let looked = 0;
  const look = (value: unknown, depth: number): void => {
    if (typeof value !== "object" || value === null) return;
    if (depth > MAX_DEPTH) return void found.push(undefined);
    for (const [name, item] of Object.entries(value)) {
      looked += 1;
      if (looked > MAX_VALUES) return void found.push(undefined);
      if (NAMES_SESSIONS.test(name) && present(item)) found.push(...(Array.isArray(item) ? item : [item]));
      else look(item, depth + 1);
    }
  };
  look(body, 0);
  return found;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
