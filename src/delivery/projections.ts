/**
 * Filters what the gateway builds for each receiver inside its broadcaster, and for a new connection's hello, by what
 * that receiver may know.
 */
import type { BroadcasterParams, GatewayClient } from "../gateway/types.ts";
import { allowedRows } from "../policy/access-answers.ts";
import type { ClaimAccess, Claims } from "../policy/claims.ts";
import type { Recipients } from "../policy/delivery.ts";
import { type Fields, fieldsOf, fieldsOrNone, present } from "../policy/fields.ts";
import type { Settings } from "../policy/settings.ts";
import { STATUS_EVENTS } from "../policy/status-events.ts";

/** What the projections ask. */
export interface ProjectionGate {
  readonly rows: Pick<RowAccess, "mayKnow" | "anyRules" | "rules">;
  /** A projection failed, and its frame goes to nobody. */
  failed(event: string): void;
}

/** Which sessions a connection may learn of from an event that reaches it. */
export class RowAccess {
  readonly #claims: Claims<GatewayClient>;
  readonly #canonical: (sessionKey: unknown) => string | undefined;
  readonly #forRoster: boolean;

  constructor(
    claims: Claims<GatewayClient>,
    canonical: (sessionKey: unknown) => string | undefined,
    roster: Settings["roster"],
  ) {
    this.#claims = claims;
    this.#canonical = canonical;
    this.#forRoster = roster === "subscribers";
  }

  /** Whether a connection follows a session, or asked for its row. */
  mayKnow(client: GatewayClient, sessionKey: unknown): boolean {
    const key = this.#canonical(sessionKey);
    if (key === undefined || !this.#claims.mayHave(client, [key])) return false;
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
    return {
      allows: (sessionKey) => {
        const key = this.#canonical(sessionKey);
        return key !== undefined && this.#claims.mayHave(client, [key]);
      },
    };
  }

  /**
   * An event's audience; of a row for those that asked for the list, connections under rules get a version without
   * parents and children that the rules deny to one of them.
   */
  divide(payload: unknown, audience: Pick<Recipients<GatewayClient>, "route" | "deliver" | "hold">) {
    const { route, deliver, hold } = audience;
    if (route.to !== "roster" || !this.anyRules()) return audience;
    const [all, few] = [new Set<GatewayClient>(), new Set<GatewayClient>()];
    for (const client of deliver) (this.#claims.restricted.has(client) ? few : all).add(client);
    if (few.size === 0) return audience;
    const allows = (key: string): boolean => [...few].every((client) => this.#claims.mayHave(client, [key]));
    return {
      route,
      deliver: all,
      hold,
      others: { to: few, payload: allowedRows(payload, { allows }, this.#canonical) },
    };
  }
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
    const byRules = project === undefined && event === "sessions.changed" && gate.rows.anyRules();
    return byRules ? filtered(() => payload, event, payload, gate) : project;
  };
  // Asked for every event, and most have no rows: short, and with as many parameters as upstream's, so that it becomes
  // part of the gateway's loop.
  const projection: typeof prepare = (event, payload, scope) => {
    const project = prepare(event, payload, scope);
    return project === undefined && event !== "sessions.changed" ? undefined : anyOther(project, event, payload);
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
      const access =
        projected === payload ? gate.rows.rules(client) : { allows: (key: string) => gate.rows.mayKnow(client, key) };
      if (!access) return projected;
      return allowedRows(projected, access, (key) => (typeof key === "string" ? key : undefined));
    } catch {
      gate.failed(String(event));
      return undefined;
    }
  };
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
  return { ...(present(sessionKey) ? { sessionKeys: [sessionKey] } : {}), agentId, ...fieldsOrNone(opts) };
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
