/**
 * Filters what the gateway builds for each receiver inside its broadcaster, and for a new connection's hello, by what
 * that receiver may know.
 */
import type { BroadcasterParams, GatewayClient } from "../gateway/types.ts";
import { allowedRows } from "../policy/access-answers.ts";
import type { Claims } from "../policy/claims.ts";
import type { Recipients } from "../policy/delivery.ts";
import { type Fields, fieldsOf } from "../policy/fields.ts";
import type { KeyReader } from "../policy/session-key.ts";
import { STATUS_EVENTS } from "../policy/status-events.ts";

/** What the projections ask. */
export interface ProjectionGate {
  /** Whether a connection follows a session, or asked for its row. */
  mayKnow(client: GatewayClient, sessionKey: unknown): boolean;
  /** A projection failed, and its frame goes to nobody. */
  failed(event: string): void;
}

type Project = (client: GatewayClient) => unknown;

/**
 * The parameters of the release's broadcaster with its projections filtered: `prepareSessionEventProjection`
 * (2026.9) adds rows of the sessions above to a session's event, each with the last words in it.
 */
export function filteredProjections(params: BroadcasterParams, gate: ProjectionGate): Partial<BroadcasterParams> {
  const prepare = params.prepareSessionEventProjection;
  if (!prepare) return {};
  return {
    prepareSessionEventProjection: (event, payload, ...rest) => {
      const project = prepare(event, payload, ...rest);
      return typeof project === "function" ? filtered(project as Project, event, payload, gate) : project;
    },
  };
}

function filtered(project: Project, event: unknown, payload: unknown, gate: ProjectionGate): Project {
  return (client) => {
    const projected = project(client);
    if (projected === undefined || projected === payload) return projected;
    try {
      return allowedRows(projected, { allows: (key) => gate.mayKnow(client, key) }, (key) =>
        typeof key === "string" ? key : undefined,
      );
    } catch {
      gate.failed(String(event));
      return undefined;
    }
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

/**
 * An event's audience; of a row for those that asked for the list, connections under rules get a version without
 * parents and children that the rules deny to one of them.
 */
export function rowsByRules(
  payload: unknown,
  audience: Pick<Recipients<GatewayClient>, "route" | "deliver" | "hold">,
  claims: Claims<GatewayClient>,
  canonical: KeyReader,
) {
  const { route, deliver, hold } = audience;
  if (route.to !== "roster" || claims.restricted.size === 0) return audience;
  const [all, few] = [new Set<GatewayClient>(), new Set<GatewayClient>()];
  for (const client of deliver) (claims.restricted.has(client) ? few : all).add(client);
  if (few.size === 0) return audience;
  const allows = (key: string): boolean => [...few].every((client) => claims.mayHave(client, [key]));
  return { route, deliver: all, hold, others: { to: few, payload: allowedRows(payload, { allows }, canonical) } };
}
