/** Which connections a setting is about. */

/** The longest text that a match can name, in UTF-16 code units; a connection's longer one matches nothing. */
export const MAX_MATCH_LENGTH = 256;

/**
 * The facts about a connection. Client id, mode, display name and user agent are self-reported; the gateway has
 * checked the rest.
 */
export interface ConnectionFacts {
  readonly clientId?: string | undefined;
  readonly mode?: string | undefined;
  readonly displayName?: string | undefined;
  readonly userAgent?: string | undefined;
  /** Id of the paired device: the hash of its key, with which it signed the connect request. */
  readonly deviceId?: string | undefined;
  /** The user that a proxy or Tailscale vouches for, on releases that keep it (2026.9 does). */
  readonly user?: string | undefined;
  /** Id of that user's profile (2026.9). */
  readonly profile?: string | undefined;
  /** `operator` unless the connect request says otherwise. */
  readonly role: string;
  readonly scopes: readonly string[];
}

/** Every given field must match exactly. `scope` is one that the connection has. */
export interface ConnectionMatch {
  readonly clientId?: string;
  readonly mode?: string;
  readonly displayName?: string;
  readonly userAgent?: string;
  readonly deviceId?: string;
  readonly user?: string;
  readonly profile?: string;
  readonly role?: string;
  readonly scope?: string;
}

/** Whether a connection matches. A match without fields matches all. */
export function matchesConnection(match: ConnectionMatch, facts: ConnectionFacts): boolean {
  const { scope, ...exact } = match;
  if (scope !== undefined && !facts.scopes.includes(scope)) return false;
  return Object.entries(exact).every(
    ([name, wanted]) => wanted === undefined || facts[name as keyof typeof exact] === wanted,
  );
}

/** Whether a connection may be an observer: operators only, since nodes have their own subscription. */
export function isObserver(facts: ConnectionFacts, observers: readonly ConnectionMatch[]): boolean {
  return facts.role === "operator" && observers.some((match) => matchesConnection(match, facts));
}
