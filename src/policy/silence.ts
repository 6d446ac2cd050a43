/**
 * Clients that listen without asking: they claim no session, so they get no session's events. A client that relies on
 * gateways that send everything to everybody may be one of them. The module names it in the log, and delivers nothing
 * to it.
 */
import type { ConnectionFacts, ConnectionMatch } from "./connection-match.ts";
import { MESSAGES } from "../messages.ts";

/** One connection's share of the events of sessions. */
export interface Traffic {
  readonly facts: ConnectionFacts;
  /** Its self-reported capabilities. */
  readonly caps: readonly string[];
  /** It has made a request that claims a session, whatever the outcome. */
  readonly asked: boolean;
  readonly claims: number;
  readonly observer: boolean;
  /** The access rules keep sessions from it. */
  readonly restricted: boolean;
  readonly delivered: number;
  readonly withheld: number;
}

/** The capability by which a client asks the release itself for its own sessions only (from 2026.8 on). */
const SCOPED = "session-scoped-events";

/** Without one of these scopes the release itself sends no session's event. */
const READING: ReadonlySet<string> = new Set(["operator.read", "operator.write", "operator.admin"]);

/**
 * Whether a connection only listens, and got no session's event for that reason. Connections that the access rules
 * restrict do not count, since the rules intend their silence. Neither do connections that get nothing even without
 * the module.
 */
export function listensInVain(traffic: Traffic): boolean {
  const { facts, caps, asked, claims, observer, restricted, delivered, withheld } = traffic;
  if (withheld <= 0 || delivered > 0 || asked || claims > 0 || observer || restricted) return false;
  return facts.role === "operator" && facts.scopes.some((scope) => READING.has(scope)) && !caps.includes(SCOPED);
}

/**
 * The entry for `observers` that matches a connection and as few others as possible: by a name that only this kind of
 * client uses, otherwise by its device, otherwise by id and mode, which many clients share. Undefined if the client
 * reports nothing about itself.
 */
export function observerEntry(facts: ConnectionFacts): ConnectionMatch | undefined {
  const { clientId, mode, displayName, userAgent, deviceId } = facts;
  const self = { ...(clientId !== undefined && { clientId }), ...(mode !== undefined && { mode }) };
  if (displayName !== undefined) return { ...self, displayName };
  if (userAgent !== undefined) return { ...self, userAgent };
  if (deviceId !== undefined) return { deviceId };
  return Object.keys(self).length > 0 ? self : undefined;
}

/** A value as JSON on one line, with invisible, direction-changing and line-ending characters escaped. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (symbol) =>
    Array.from(symbol.split(""), (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** A client's self-reported names. */
export interface SelfReport {
  readonly id?: string | undefined;
  readonly mode?: string | undefined;
  readonly displayName?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly version?: string | undefined;
}

/** Length of each of them in a line of text. */
const MAX_WORD = 80;

/** What a client calls itself, e.g. `"OpenClaw MCP" (cli/cli 2026.9.6)`; without line breaks. */
export function calledItself({ id, mode, displayName, userAgent, version }: SelfReport): string {
  const word = (text: string | undefined): string => visibleJson((text ?? "?").slice(0, MAX_WORD)).slice(1, -1);
  const name = displayName ?? userAgent;
  const ids = `${word(id)}/${word(mode)}${version === undefined ? "" : ` ${word(version)}`}`;
  return name === undefined ? ids : `"${word(name)}" (${ids})`;
}

/** One line about a silent client: what it does not get, and what to do. */
export function silentLine(
  silent: SelfReport & { readonly withheld: number; readonly observe?: ConnectionMatch },
): string {
  const { withheld, observe } = silent;
  return MESSAGES.silentClient(calledItself(silent), withheld, observe && visibleJson(observe));
}
