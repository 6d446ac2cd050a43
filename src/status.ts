/**
 * The status of a gateway's isolation: one documented shape, answered by the gateway method
 * `isolation.status` and printed by `openclaw isolation status`.
 */
import { calledItself, silentLine } from "./policy/silence.ts";
import type { ConnectionMatch } from "./policy/connection-match.ts";
import type { Settings } from "./policy/settings.ts";

/** Global under which the isolation of this process is reachable: `globalThis[Symbol.for(…)].status()`. */
export const ISOLATION_SYMBOL = "openclaw-event-isolation";

/** The gateway method that answers with an {@link IsolationStatus}. */
export const STATUS_METHOD = "isolation.status";

/** Goes up when a field changes its meaning or goes away; new fields may come without it. */
export const STATUS_SCHEMA = 1;

/** Sessions named in one status; more are only counted. */
export const MAX_STATUS_SESSIONS = 200;

/** Connections described in one status. */
export const MAX_STATUS_CONNECTIONS = 200;

/** Connections in the printed status that are not silent. */
const MAX_PRINTED_CONNECTIONS = 20;

export interface SeamStatus {
  /** Name of the seam, e.g. `broadcast`. */
  readonly name: string;
  /** OpenClaw's functions that it is attached to. */
  readonly functions: readonly string[];
  /** Files of the openclaw package that declare them, relative to it. */
  readonly files: readonly string[];
  readonly required: boolean;
  /** `missing`: this release has none of its functions, or has not loaded their module yet. */
  readonly state: "attached" | "missing";
}

/** One gateway since its start, or its last in-process restart. Counts are totals since then. */
export interface GatewayNumbers {
  readonly connections: number;
  /** Pairs of connection and session, those that wait for the gateway's answer included. */
  readonly claims: number;
  /** Sessions with at least one claim. */
  readonly sessions: number;
  /** Connections that asked for the session roster. */
  readonly roster: number;
  /** Connections that see all sessions. */
  readonly observers: number;
  /** Runs that connections have started and that have not ended, or ended recently. */
  readonly runs: number;
  /** Closed connections whose claims are kept for the same device. */
  readonly resumable: number;
  /** Frames that wait for the answer to the request that claims their session. */
  readonly held: number;
  /** Events, not frames, by name and reason: `{chat: {delivered: 12, "no-claim": 3}}`. */
  readonly events: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface HeartbeatNumbers {
  /** Heartbeats that run now. */
  readonly running: number;
  /** Wakes that wait for users' runs now. */
  readonly deferred: number;
  /** Frames of heartbeats that wait for the end of a user's run now. */
  readonly held: number;
  /** Users' runs and requests that heartbeats must wait for now. */
  readonly runs: number;
  /** How often a heartbeat was deferred; one that is requested again each second counts each time. */
  readonly deferrals: number;
  /** Heartbeats aborted for a user's message. */
  readonly aborted: number;
  /** The missing functions of heartbeats on this release, one line each; known some seconds after the start. */
  readonly missing?: readonly string[];
}

export interface SessionStatus {
  /** Canonical session key. */
  readonly key: string;
  /** Connections that claim it. */
  readonly claimers: number;
}

/** One connection: its self-reported names, and its events. */
export interface ConnectionStatus {
  /** `client.id`, `client.mode`, `client.displayName`, `client.version` and `userAgent` of the connect request. */
  readonly id?: string;
  readonly mode?: string;
  readonly displayName?: string;
  readonly version?: string;
  readonly userAgent?: string;
  readonly role: string;
  /** Whether it has proven a device. */
  readonly device: boolean;
  /** Sessions that it claims, accepted or pending. */
  readonly claims: number;
  readonly observer: boolean;
  /** Of the sessions' events that were published to all since it connected: those that went to it. */
  readonly delivered: number;
  /** The others of these events. */
  readonly withheld: number;
  /** It has asked for no session, and events were withheld from it for a while. */
  readonly silent: boolean;
  /** The entry for `observers` with which a silent connection would see all sessions; with a device for admins only. */
  readonly observe?: ConnectionMatch;
}

export interface IsolationStatus {
  readonly schema: typeof STATUS_SCHEMA;
  /** Of openclaw-event-isolation, e.g. `0.1.0`. */
  readonly version: string;
  /** Of OpenClaw, e.g. `2026.9.6`. */
  readonly release: string;
  /** Whether all required seams are attached. False: the gateway runs unprotected. */
  readonly attached: boolean;
  readonly seams: readonly SeamStatus[];
  /**
   * The settings in force. Without lists for callers other than `operator.admin`, since lists name devices and
   * sessions.
   */
  readonly settings: Partial<Settings>;
  /** Missing until the gateway has made its broadcaster. */
  readonly gateway?: GatewayNumbers;
  readonly heartbeats?: HeartbeatNumbers;
  /** Silent ones first, then those with the most withheld events; at most {@link MAX_STATUS_CONNECTIONS}. */
  readonly connections?: readonly ConnectionStatus[];
  /** For `operator.admin` only: the most claimed sessions, at most {@link MAX_STATUS_SESSIONS}. */
  readonly sessionKeys?: readonly SessionStatus[];
}

/** What {@link ISOLATION_SYMBOL} holds. */
export interface StatusSource {
  status(): IsolationStatus;
}

/** The isolation of this process, if the module was preloaded; undefined otherwise. */
export function statusSource(): StatusSource | undefined {
  const found = (globalThis as Record<symbol, unknown>)[Symbol.for(ISOLATION_SYMBOL)] as StatusSource | undefined;
  return typeof found?.status === "function" ? found : undefined;
}

/** What a caller without `operator.admin` may know: no session keys, no ids of devices, no lists of the settings. */
export function withoutNames(status: IsolationStatus): IsolationStatus {
  const { sessionKeys: _, ...rest } = status;
  const connections = status.connections?.map(withoutDevice);
  const settings = withoutLists(status.settings) as Partial<Settings>;
  return { ...rest, ...(connections && { connections }), settings };
}

function withoutDevice(connection: ConnectionStatus): ConnectionStatus {
  const { observe, ...rest } = connection;
  return observe?.deviceId === undefined ? connection : rest;
}

function withoutLists(settings: object): object {
  const switches = Object.entries(settings).filter(([, value]) => !Array.isArray(value));
  return Object.fromEntries(
    switches.map(([name, value]) => [name, typeof value === "object" ? withoutLists(value as object) : value]),
  );
}

/** Warnings about a gateway in this state, worst first. */
export function concerns({ attached, settings }: IsolationStatus): string[] {
  const { observers = [], onMissingSeam, onMissingPreload } = settings;
  return [
    ...(attached ? [] : ["the gateway runs UNPROTECTED: every client gets the events of every session"]),
    ...(observers.length > 0 ? ["observers are set: connections that match one of them see all sessions"] : []),
    ...(onMissingSeam === "warn"
      ? ['onMissingSeam is "warn": a release that the module cannot attach to runs unprotected']
      : []),
    ...(onMissingPreload === "warn"
      ? ['onMissingPreload is "warn": without the preload the gateway runs unprotected']
      : []),
  ];
}

/** A status for people to read, several lines. */
export function describeStatus(status: IsolationStatus): string {
  const { version, release, attached, seams, gateway, heartbeats, sessionKeys } = status;
  const { connections: clients = [] } = status;
  const lines = [`event-isolation ${version} on OpenClaw ${release}: ${attached ? "attached" : "NOT ATTACHED"}`];
  lines.push(...concerns(status).map((text) => `  WARNING: ${text}`));
  const named = (state: SeamStatus["state"]) => seams.filter((seam) => seam.state === state).map((seam) => seam.name);
  if (seams.length > 0) lines.push(row("seams", named("attached").join(", ")));
  if (named("missing").length > 0) lines.push(row("missing", named("missing").join(", ")));
  if (gateway) {
    const { connections, claims, sessions, roster, observers, held } = gateway;
    lines.push(row("connections", `${connections} (${roster} with the roster, ${observers} observers)`));
    lines.push(row("claims", `${claims} on ${sessions} sessions`), row("held frames", String(held)));
  }
  if (heartbeats) {
    const { running, deferred, deferrals, aborted } = heartbeats;
    lines.push(
      row(
        "heartbeats",
        `${running} running, ${deferred} deferred; in total ${deferrals} deferrals, ${aborted} aborted`,
      ),
    );
  }
  const printed = clients.filter(({ silent }, index) => silent || index < MAX_PRINTED_CONNECTIONS);
  if (printed.length > 0) lines.push("  clients");
  for (const connection of printed) {
    const { device, claims, observer, delivered, withheld, silent } = connection;
    const kind = `${device ? ", device" : ""}${observer ? ", observer" : ""}${silent ? ", SILENT" : ""}`;
    lines.push(
      `    ${calledItself(connection)}: claims ${claims}, delivered ${delivered}, withheld ${withheld}${kind}`,
    );
  }
  lines.push(...clients.filter(({ silent }) => silent).map((silent) => `  NOTE: ${silentLine(silent)}`));
  const events = Object.entries(gateway?.events ?? {}).sort(([a], [b]) => a.localeCompare(b));
  if (events.length > 0) lines.push("  events");
  for (const [event, reasons] of events) {
    const counts = Object.entries(reasons).map(([reason, count]) => `${reason} ${count}`);
    lines.push(`    ${event.padEnd(22)} ${counts.join(", ")}`);
  }
  if (sessionKeys && sessionKeys.length > 0) lines.push("  sessions");
  for (const { key, claimers } of sessionKeys ?? []) lines.push(`    ${key}  claimed by ${claimers}`);
  // Some of the names are foreign: print no control characters.
  return lines.map((line) => line.replaceAll(/\p{Cc}/gu, "?")).join("\n");
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(12)} ${text}`;
}
