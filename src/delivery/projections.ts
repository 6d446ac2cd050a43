/**
 * Filters what the gateway builds for each receiver inside its broadcaster, and for a new connection's hello, by what
 * that receiver may know.
 */
import type { BroadcasterParams, GatewayClient } from "../gateway/types.ts";
import { allowedEvent, allowedRows, namesOthers } from "../policy/access-answers.ts";
import type { ClaimAccess, Claims } from "../policy/claims.ts";
import type { Recipients } from "../policy/delivery.ts";
import { type Fields, fieldsOf, fieldsOrNone, present, text } from "../policy/fields.ts";
import type { KeyReader } from "../policy/session-key.ts";
import type { Settings } from "../policy/settings.ts";
import { STATUS_EVENTS } from "../policy/status-events.ts";

/** What the projections ask. */
export interface ProjectionGate {
  readonly rows: Pick<RowAccess, "mayKnow" | "anyRules" | "rules" | "canonical">;
  /** A projection failed, and its frame goes to nobody. */
  failed(event: string): void;
}

/** Which sessions a connection may learn of from an event that reaches it. */
export class RowAccess {
  readonly canonical: KeyReader;
  readonly #claims: Claims<GatewayClient>;
  readonly #forRoster: boolean;

  constructor(claims: Claims<GatewayClient>, canonical: KeyReader, roster: Settings["roster"]) {
    this.#claims = claims;
    this.canonical = canonical;
    this.#forRoster = roster === "subscribers";
  }

  /** Whether a connection follows a session, or asked for its row. @param key canonical */
  mayKnow(client: GatewayClient, key: string): boolean {
    if (!this.#claims.mayHave(client, [key])) return false;
    if (this.#claims.observers.has(client)) return true;
    return (this.#forRoster && this.#claims.roster.has(client)) || this.#claims.isClaimed(client, key);
  }

  /** Whether a rule concerns any connection. */
  anyRules(): boolean {
    return this.#claims.restricted.size > 0;
  }

  /** What the access rules let a connection have; undefined if no rule concerns it. */
  rules(client: GatewayClient): ClaimAccess | undefined {
    if (!this.#claims.restricted.has(client)) return undefined;
    return { allows: (key) => this.#claims.mayHave(client, [key]) };
  }

  /** An event as the access rules let a connection have it. */
  version(client: GatewayClient, event: string, payload: unknown): unknown {
    const access = this.rules(client);
    return access ? allowedVersion(event, payload, access, this.canonical) : payload;
  }

  /**
   * An event's audience; connections under rules get a version without the rows, parents and children that the rules
   * deny to them: one for all connections with the same denials.
   */
  divide(event: string, payload: unknown, audience: Pick<Recipients<GatewayClient>, "route" | "deliver" | "hold">) {
    const { route, deliver, hold } = audience;
    if (!this.anyRules() || (route.to !== "roster" && !namesOthers(payload))) return audience;
    const [whole, few] = [new Set<GatewayClient>(), new Set<GatewayClient>()];
    for (const client of deliver) (this.#claims.restricted.has(client) ? few : whole).add(client);
    if (few.size === 0) return audience;
    const named = new Set<string>();
    allowedVersion(event, payload, { allows: (key) => Boolean(named.add(key)) }, this.canonical);
    const groups = new Map<string, { denied: ReadonlySet<string>; to: Set<GatewayClient> }>();
    for (const client of few) {
      const denied = new Set([...named].filter((key) => !this.#claims.mayHave(client, [key])));
      const group = groups.get([...denied].join("\n")) ?? { denied, to: new Set<GatewayClient>() };
      groups.set([...denied].join("\n"), group);
      group.to.add(client);
    }
    const others = [...groups.values()].map(({ denied, to }) => ({
      to,
      payload: allowedVersion(event, payload, { allows: (key) => !denied.has(key) }, this.canonical),
    }));
    return { route, deliver: whole, hold, others };
  }
}

/** All of a row is about sessions; in other events only some properties are. */
function allowedVersion(event: unknown, payload: unknown, access: ClaimAccess, canonical: KeyReader): unknown {
  return (event === "sessions.changed" ? allowedRows : allowedEvent)(payload, access, canonical);
}

/** The events of which 2026.9 makes each client's version itself. */
export function isProjected(event: unknown): boolean {
  return event === "sessions.changed" || event === "session.message";
}

type Project = (client: GatewayClient) => unknown;

/**
 * The parameters of the release's broadcaster with its projections filtered: `prepareSessionEventProjection`
 * (2026.9) adds rows of the sessions above to a session's event, each with the last words in it. A row that it leaves
 * as it is goes to a connection under access rules without the keys that these deny.
 */
export function filteredProjections(params: BroadcasterParams, gate: ProjectionGate): Partial<BroadcasterParams> {
  const prepare = params.prepareSessionEventProjection;
  if (!prepare) return {};
  const anyOther = (project: unknown, event: unknown, payload: unknown): unknown => {
    if (typeof project === "function") return filtered(project as Project, event, payload, gate);
    const byRules = project === undefined && isProjected(event) && gate.rows.anyRules();
    return byRules ? filtered(() => payload, event, payload, gate) : project;
  };
  // Asked for every event, and most have no rows: short, and with as many parameters as upstream's, so that it becomes
  // part of the gateway's loop.
  const projection: typeof prepare = (event, payload, scope) => {
    const project = prepare(event, payload, scope);
    return project === undefined && !isProjected(event) ? undefined : anyOther(project, event, payload);
  };
  // For releases to come.
  const projectionOfMore: typeof prepare = (event, payload, ...rest) =>
    anyOther(prepare(event, payload, ...rest), event, payload);
  return { prepareSessionEventProjection: prepare.length > 3 ? projectionOfMore : projection };
}

function filtered(project: Project, event: unknown, payload: unknown, gate: ProjectionGate): Project {
  return (client) => {
    const projected = project(client);
    if (projected === undefined) return projected;
    try {
      const access = projected === payload ? gate.rows.rules(client) : knownTo(client, payload, gate.rows);
      return access ? allowedVersion(event, projected, access, gate.rows.canonical) : projected;
    } catch {
      gate.failed(String(event));
      return undefined;
    }
  };
}

/** The sessions that an event may name to a connection that gets it: its own, and those that the connection knows. */
function knownTo(client: GatewayClient, payload: unknown, rows: ProjectionGate["rows"]): ClaimAccess {
  const { sessionKey, agentId } = fieldsOrNone(payload);
  const own = rows.canonical(sessionKey, text(agentId));
  return { allows: (key) => key === own || rows.mayKnow(client, key) };
}

/**
 * A row as JSON only. From 2026.8 on the gateway tells its plugins of each row that is sent, by the row's properties:
 * sent a second time, for the connections under access rules, it has none.
 */
export function jsonOnly(row: unknown): { toJSON(): unknown } {
  return { toJSON: () => row };
}

/** The options of an event with the session that upstream's `resolveBroadcastSessionScope` reads from its row. */
export function scopeOf(row: unknown, opts: unknown): Fields {
  const { sessionKey, agentId } = fieldsOrNone(row);
  const given = fieldsOrNone(opts);
  const keys = given["sessionKeys"];
  const own = present(sessionKey) ? [sessionKey] : [];
  return {
    ...given,
    sessionKeys: Array.isArray(keys) && keys.length > 0 ? keys : own,
    agentId: given["agentId"] ?? agentId,
  };
}

type BuildSnapshot = (...args: unknown[]) => unknown;

/**
 * Wraps `buildGatewaySnapshot`, which makes the part of hello that the events `presence` and `health` keep up to
 * date. A new connection claims no session yet, so its snapshot names none. The gateway puts `health` into it
 * afterwards.
 *
 * @param failed called when a snapshot could not be checked; the snapshot is then empty
 */
export function withoutSessions(build: BuildSnapshot, failed: () => void): BuildSnapshot {
  const status = (event: "presence" | "health", value: unknown): unknown => {
    try {
      return STATUS_EVENTS.get(event)!(value);
    } catch {
      failed();
      return {};
    }
  };
  return function buildGatewaySnapshot(...args) {
    const snapshot = build(...args);
    const body = fieldsOf(snapshot);
    if (!body) return snapshot;
    let health = status("health", body["health"]);
    const { presence } = status("presence", { presence: body["presence"] }) as Fields;
    return Object.defineProperty({ ...body, ...(Array.isArray(body["presence"]) ? { presence } : {}) }, "health", {
      enumerable: true,
      configurable: true,
      get: () => health,
      set: (value: unknown) => {
        health = status("health", value);
      },
    });
  };
}
