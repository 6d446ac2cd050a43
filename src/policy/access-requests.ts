/** Reads a request for the access rules: which sessions it names, and what its answer may show. */
import type { SessionAccess } from "./access.ts";
import { type AnswerCheck, BOUND, type Bound, MADE_UP, OPEN, ROWS } from "./access-methods.ts";
import { deniedParameter } from "./access-parameters.ts";
import { agentIdOf } from "./cron-keys.ts";
import { type Fields, fieldsOf, fieldsOrNone, present } from "./fields.ts";
import { type ListPage, wholeList } from "./session-list.ts";
import { type KeyReader, parseAgentSessionKey } from "./session-key.ts";

/** The outcome of a request. */
export type RequestVerdict =
  | {
      readonly allowed: true;
      readonly answer: AnswerCheck;
      /** The parameters that the gateway gets instead of the request's own. */
      readonly ask?: Fields;
      /** The part of the list that the client wants; the module asks the gateway for all of it. */
      readonly page?: ListPage;
    }
  | Denial;

/** A request that does not reach the gateway. `parameter` names the forbidden parameter. */
export type Denial =
  | { readonly allowed: false; readonly because: "session" | "method" }
  | { readonly allowed: false; readonly because: "parameter"; readonly parameter: string };

/** Methods for which upstream itself checks a `sessionId` against the session key or the connection, or ignores it. */
const CHECKED_SESSION_ID =
  /^(?:chat\.(?:history|send)|session\.typing|sessions\.(?:goal\.\w+|resolve)|talk\.session\.\w+)$/;

/** Parameters that name further sessions, at any depth: `parentSessionKey`, `sessionKeys`. */
const NAMES_SESSIONS = /(?:^s|S)essionKeys?$|^spawnedBy$/;

const NO_SESSION = { key: undefined } as const;

/** A part of a key that leads to another folder. */
const PATH = /(?:^|[:\\/])\.{1,2}(?:[\\/]|$)/;

/** How much of a request's parameters is searched. */
const MAX_DEPTH = 6;
const MAX_VALUES = 5_000;

/** The facts about the connection that the decision needs. */
export interface Asker {
  readonly access: SessionAccess;
  readonly canonical: KeyReader;
  /** Whether this connection started a run. */
  startedRun(runId: string): boolean;
  /** Canonical key of the session of a run's last event, if it had one. */
  sessionOfRun(runId: string): string | undefined;
  /** Canonical keys of the sessions in which an open question was asked; none if it is not known. */
  sessionsOfQuestion(id: unknown): readonly string[];
}

const DENIED_SESSION: Denial = { allowed: false, because: "session" };
const DENIED_METHOD: Denial = { allowed: false, because: "method" };

/**
 * Whether a connection may make a request. A malformed request is denied.
 *
 * @param method gateway method, e.g. `chat.send`
 * @param params the request's parameters, untrusted in shape
 */
export function judgeRequest(method: string, params: unknown, asker: Asker): RequestVerdict {
  const body = fieldsOrNone(params);
  const rule = BOUND.get(method);
  const listing = ROWS.get(method);
  const granted = asker.access.methods.has(method);
  if (!rule && !listing && !OPEN.has(method) && !granted) return DENIED_METHOD;
  if (!furtherSessions(body).every((each) => mayUse(each, asker))) return DENIED_SESSION;
  if (rule) return judgeBound(method, rule, body, asker);
  if (!granted && refersElsewhere(method, body, asker)) return DENIED_SESSION;
  if (!listing || granted) return { allowed: true, answer: listing ? "rows" : "as-is" };
  return (
    deniedBy(deniedParameter(method, body, undefined, () => false)) ?? {
      allowed: true,
      answer: listing,
      ...(listing === "list" && wholeList(method, body)),
    }
  );
}

function judgeBound(method: string, rule: Bound, body: Fields, asker: Asker): RequestVerdict {
  if (refersElsewhere(method, body, asker)) return DENIED_SESSION;
  const agentId = agentOf(body);
  const named =
    rule.field === "question"
      ? asker.sessionsOfQuestion(body["id"]).map((key): Named => ({ key }))
      : namedBy(rule.field, body);
  if (!(named ? maySee(named) : mayLackSession(rule.otherwise))) return DENIED_SESSION;
  const denied = deniedBy(deniedParameter(method, body, rule.field, mayUseAllOfAgents));
  if (denied) return denied;
  if (!named && rule.otherwise === "lookup") return { allowed: true, answer: "lookup", ask: byKeyOnly(body) };
  const answer = rule.answer ?? "as-is";
  // For a new session, the gateway uses the transcript with this id.
  if (method !== "chat.send" || !present(body["sessionId"])) return { allowed: true, answer };
  const { sessionId: _, ...ask } = body;
  return { allowed: true, answer, ask };

  function maySee(sessions: readonly Named[]): boolean {
    if (sessions.length === 0 || !sessions.every((each) => mayUse(each, asker))) return false;
    return !rule.makes || mayMakeSession(agentsOf(sessions)[0]);
  }

  function mayLackSession(otherwise: Bound["otherwise"]): boolean {
    switch (otherwise) {
      case undefined:
        return false;
      case "lookup":
        return true;
      case "new-session":
        return mayMakeSession(agentsOf([])[0]);
      case "agent-main-session":
        return agentId !== undefined && mayUse({ key: `agent:${agentId}:main` }, asker);
      case "main-session":
        return mayUse({ key: agentId === undefined ? "main" : `agent:${agentId}:main` }, asker);
    }
  }

  function mayMakeSession(agent: string | undefined): boolean {
    return agent !== undefined && asker.access.allowsAllUnder(`agent:${agent}:${MADE_UP}`);
  }

  function mayUseAllOfAgents(): boolean {
    // A look-up searches the sessions of all agents, unless it names one.
    const everywhere = agentId === undefined || [body["includeGlobal"], body["includeUnknown"]].some(present);
    if (!named && rule.otherwise === "lookup" && everywhere) return false;
    return agentsOf(named ?? []).every(
      (agent) =>
        agent !== undefined &&
        asker.access.allowsAllUnder(`agent:${agent}:`) &&
        mayUse({ key: `agent:${agent}:main` }, asker),
    );
  }

  /** The agents of sessions; if none is named, the one that the gateway uses. */
  function agentsOf(sessions: readonly Named[]): readonly (string | undefined)[] {
    if (sessions.length === 0) return [agentId ?? agentOfKey(keyOf({ key: MADE_UP.slice(0, -1) }, asker))];
    return sessions.map((each) => {
      const { agentId: own = agentId } = each;
      return agentOfKey(keyOf(each, asker)) ?? own ?? agentsOf([])[0];
    });
  }
}

/** A look-up by reference finds a session by key, and otherwise by the titles of all sessions. */
function byKeyOnly(body: Fields): Fields {
  const reference = fieldsOf(body["reference"]);
  if (!reference) return body;
  const { slug: _, ...rest } = reference;
  return { ...body, reference: rest };
}

function deniedBy(parameter: string | undefined): Denial | undefined {
  return parameter === undefined ? undefined : { allowed: false, because: "parameter", parameter };
}

/** A session as a request names it. */
interface Named {
  readonly key: unknown;
  /** The agent named next to it, as the gateway names agents. */
  readonly agentId?: string | undefined;
}

/** The canonical key of a session; undefined if the gateway could understand it as another agent's. */
function keyOf({ key: written, agentId }: Named, asker: Asker): string | undefined {
  // 2026.2 makes the name of a transcript's file of a key's rest, as it is.
  if (typeof written === "string" && PATH.test(written)) return undefined;
  let key: string | undefined;
  try {
    key = asker.canonical(written, agentId);
  } catch {
    return undefined; // 2026.9 does not choose among several agents, but throws
  }
  const agent = key && agentOfKey(key);
  return agent && agentIdOf(agent) !== agent ? undefined : key;
}

function mayUse(session: Named, asker: Asker): boolean {
  const key = keyOf(session, asker);
  return key !== undefined && asker.access.allows(key) && mayUseOfAgent(session, asker);
}

/**
 * A raw key next to an agent: up to 2026.5 the resolver ignores the agent, but handlers such as `sessions.create` do
 * not.
 */
function mayUseOfAgent({ key: written, agentId }: Named, asker: Asker): boolean {
  if (agentId === undefined || typeof written !== "string") return true;
  const raw = written.trim().toLowerCase();
  if (raw === "global" || raw === "unknown" || parseAgentSessionKey(raw)) return true;
  const key = keyOf({ key: `agent:${agentId}:${raw}` }, asker);
  return key !== undefined && asker.access.allows(key);
}

function agentOfKey(key: string | undefined): string | undefined {
  return key === undefined ? undefined : parseAgentSessionKey(key)?.agentId;
}

/** The agent that an object names; blank means none, as for the gateway. */
export function agentOf(body: Fields): string | undefined {
  const written = body["agentId"];
  return typeof written === "string" && written.trim() !== "" ? agentIdOf(written) : undefined;
}

/** The sessions in the parameter that names them; undefined if it has none. */
function namedBy(field: Exclude<Bound["field"], "question">, body: Fields): readonly Named[] | undefined {
  const value = body[field];
  if (!present(value)) return undefined;
  const agentId = agentOf(body);
  if (field === "key" || field === "sessionKey") return [{ key: ofAgent(value, agentId), agentId }];
  if (!Array.isArray(value)) return [{ key: undefined }];
  if (value.length === 0) return undefined;
  if (field !== "targets") return value.map((key: unknown) => ({ key, agentId }));
  return value.map((target: unknown) => {
    const each = fieldsOrNone(target);
    const own = agentOf(each) ?? agentId;
    return { key: ofAgent(each["key"], own), agentId: own };
  });
}

/**
 * A key as written; undefined if it names another agent than the one next to it, since the gateway uses only one of
 * them.
 */
function ofAgent(key: unknown, agentId: string | undefined): unknown {
  const agent = typeof key === "string" ? parseAgentSessionKey(key)?.agentId : undefined;
  return agent !== undefined && agentId !== undefined && agentIdOf(agent) !== agentId ? undefined : key;
}

/** Ids that upstream resolves to a session without its key: the connection's own runs are allowed, others are not. */
function refersElsewhere(method: string, body: Fields, asker: Asker): boolean {
  if (present(body["taskId"])) return true;
  if (present(body["sessionId"]) && !CHECKED_SESSION_ID.test(method)) return true;
  // The gateway repeats its answer to the run that has this key, and a run's key is its id.
  const repeated = body["idempotencyKey"];
  const home = typeof repeated === "string" ? asker.sessionOfRun(repeated) : undefined;
  if (home !== undefined && !asker.access.allows(home)) return true;
  const runId = body["runId"];
  if (!present(runId)) return method === "agent.wait";
  if (typeof runId !== "string") return true;
  // 2026.9 lets admins abort a run of another session than the one they name. A client chooses a run's id, so the
  // session of the run's events takes precedence.
  const key = asker.sessionOfRun(runId);
  return key === undefined ? !asker.startedRun(runId) : !asker.access.allows(key);
}

/** All parameters whose name marks them as session keys; an invalid one if there are too many to check. */
function furtherSessions(body: Fields): readonly Named[] {
  const found: Named[] = [];
  let looked = 0;
  const look = (value: unknown, depth: number, outer: string | undefined): void => {
    if (typeof value !== "object" || value === null) return;
    if (depth > MAX_DEPTH) return void found.push(NO_SESSION);
    const agentId = agentOf(value as Fields) ?? outer;
    for (const [name, item] of Object.entries(value)) {
      looked += 1;
      if (looked > MAX_VALUES) return void found.push(NO_SESSION);
      if (name === "agentId" && present(item) && typeof item !== "string") found.push(NO_SESSION);
      if (!NAMES_SESSIONS.test(name) || !present(item)) look(item, depth + 1, agentId);
      else for (const key of Array.isArray(item) ? (item as unknown[]) : [item]) found.push({ key, agentId });
    }
  };
  look(body, 0, undefined);
  return found;
}
