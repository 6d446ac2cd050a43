/**
 * Access rules: which connection may use which session.
 *
 * The first rule that fits the connection decides, whatever its sessions. Without rules everything
 * is allowed; with any, what no rule allows is denied. It is routing policy inside one trust domain
 * and no tenant boundary: an agent's tools, files and channels are not behind it.
 */
import { type ConnectionFacts, type ConnectionMatch, matchesConnection } from "./connection-match.ts";
import {
  couldMatchCanonicalKey,
  fillPattern,
  type KeyMatcher,
  matchesAllUnder,
  matchesEverything,
  matchesKey,
} from "./key-pattern.ts";

export interface AccessRule {
  readonly match: ConnectionMatch;
  /** Patterns of canonical session keys. */
  readonly sessions: readonly string[];
  /** Methods allowed beyond those that can be bound to a session. */
  readonly methods: readonly string[];
}

/** Decisions remembered for one connection; forgotten all at once, which is cheaper than an order among them. */
const MAX_REMEMBERED = 2_000;

/** What one connection may use. Decisions are remembered, within a bound. */
export class SessionAccess {
  readonly methods: ReadonlySet<string>;
  readonly #matchers: readonly KeyMatcher[];
  readonly #remembered = new Map<string, boolean>();

  constructor(matchers: readonly KeyMatcher[], methods: readonly string[]) {
    this.#matchers = matchers;
    this.methods = new Set(methods);
  }

  /** @param key canonical */
  allows(key: string): boolean {
    let allowed = this.#remembered.get(key);
    if (allowed === undefined) {
      allowed = this.#matchers.some((matcher) => matchesKey(matcher, key));
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(key, allowed);
    }
    return allowed;
  }

  /**
   * Whether one of the patterns allows every key that begins in a certain way.
   *
   * @param start of canonical keys, e.g. `agent:main:dashboard:`
   */
  allowsAllUnder(start: string): boolean {
    return this.#matchers.some((matcher) => matchesAllUnder(matcher, start));
  }
}

/**
 * What the rules let a connection use.
 *
 * @returns undefined for everything: there are no rules, or its rule names the pattern `*`
 */
export function accessOf(rules: readonly AccessRule[], facts: ConnectionFacts): SessionAccess | undefined {
  if (rules.length === 0) return undefined;
  const rule = facts.role === "operator" ? rules.find(({ match }) => matchesConnection(match, facts)) : undefined;
  if (!rule) return new SessionAccess([], []);
  if (rule.sessions.some(matchesEverything)) return undefined;
  const matchers = rule.sessions
    .map((pattern) => fillPattern(pattern, (name) => facts[name]))
    .filter((matcher) => matcher !== undefined);
  return new SessionAccess(matchers, rule.methods);
}

/**
 * What is wrong with rules that are well-formed: those that can never have an effect, and those that open
 * more to a connection for what it says of itself.
 *
 * @returns one sentence for each, naming the rule by its place in the settings
 */
export function accessWarnings(rules: readonly AccessRule[]): readonly string[] {
  return rules.flatMap(({ match, sessions }, index) => {
    const here = `access[${index}]`;
    const warnings: string[] = [];
    if (match.role !== undefined && match.role !== "operator") {
      warnings.push(`${here} never matches: access rules apply to operators, not to the role "${match.role}"`);
    }
    const earlier = rules.findIndex((other, place) => place < index && covers(other.match, match));
    if (earlier >= 0) {
      warnings.push(`${here} never matches: access[${earlier}] comes first and matches all of its connections`);
    }
    for (const pattern of sessions) {
      if (couldMatchCanonicalKey(pattern)) continue;
      warnings.push(
        `${here} has the pattern "${pattern}", which no session key can match: keys are agent:<agent id>:<rest>, global or unknown`,
      );
    }
    const selfReported = PROVEN.some((name) => match[name] !== undefined)
      ? []
      : SELF_REPORTED.filter((name) => match[name] !== undefined);
    if (selfReported.length > 0 && opensMore(rules, index)) {
      warnings.push(
        `${here} gives a connection more than the rules below it because of self-reported values (${selfReported.join(", ")}): any client that has the gateway's token can send the same values, and on the gateway's own machine it gets the scopes that it asks for; match deviceId, user or profile instead`,
      );
    }
    return warnings;
  });
}

/** Facts that the gateway has checked. */
const PROVEN = ["deviceId", "user", "profile"] as const;

/** Facts that a connection chooses; its scopes too, where the token is shared and the connection local. */
const SELF_REPORTED = ["clientId", "mode", "displayName", "userAgent", "scope"] as const;

/** Whether a rule allows something that a connection has not got which says nothing of itself: the rule for all others. */
function opensMore(rules: readonly AccessRule[], index: number): boolean {
  const { sessions, methods } = rules[index]!;
  const rest = rules.slice(index + 1).find(({ match }) => covers(match, { role: "operator" }));
  // A pattern's own text stands for all that it matches: no key holds a star or a brace.
  const matchers = (rest?.sessions ?? []).map((pattern) => fillPattern(pattern, (name) => `{${name}}`)!);
  const covered = (pattern: string): boolean => matchers.some((matcher) => matchesKey(matcher, pattern));
  return !sessions.every(covered) || !methods.every((method) => rest?.methods.includes(method) === true);
}

/** Whether every connection that fits `narrow` fits `wide` too, as far as their fields show. */
function covers(wide: ConnectionMatch, narrow: ConnectionMatch): boolean {
  return Object.entries(wide).every(([name, value]) => narrow[name as keyof ConnectionMatch] === value);
}
