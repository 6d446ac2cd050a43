/**
 * Access rules: which connection may use which session.
 *
 * The first rule that matches the connection decides, whatever its sessions. Without rules everything is allowed;
 * with rules, everything else is denied. This is routing policy inside one trust domain, not a tenant boundary: it
 * does not protect an agent's tools, files and channels.
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
import { MESSAGES } from "../messages.ts";

export interface AccessRule {
  readonly match: ConnectionMatch;
  /** Patterns of canonical session keys. */
  readonly sessions: readonly string[];
  /** Methods allowed beyond those that can be bound to a session. */
  readonly methods: readonly string[];
}

/** Decisions remembered for one connection; dropping all at once is cheaper than keeping an order. */
const MAX_REMEMBERED = 2_000;

/** The sessions that one connection may use. Remembers a bounded number of decisions. */
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

/** Of a rule whose patterns say the same for every connection. */
const shared = new WeakMap<AccessRule, SessionAccess>();

/**
 * The sessions that the rules let a connection use: one object for all connections that may use the same by a rule
 * without placeholders.
 *
 * @returns undefined for all sessions: there are no rules, or its rule has the pattern `*`
 */
export function accessOf(rules: readonly AccessRule[], facts: ConnectionFacts): SessionAccess | undefined {
  if (rules.length === 0) return undefined;
  const rule = facts.role === "operator" ? rules.find(({ match }) => matchesConnection(match, facts)) : undefined;
  if (!rule) return new SessionAccess([], []);
  if (rule.sessions.some(matchesEverything)) return undefined;
  const known = shared.get(rule);
  if (known) return known;
  const matchers = rule.sessions
    .map((pattern) => fillPattern(pattern, (name) => facts[name]))
    .filter((matcher) => matcher !== undefined);
  const access = new SessionAccess(matchers, rule.methods);
  if (!rule.sessions.some((pattern) => pattern.includes("{"))) shared.set(rule, access);
  return access;
}

/**
 * Finds mistakes in well-formed rules: rules that can never have an effect, and rules that give a connection more
 * because of self-reported values.
 *
 * @returns one sentence for each, naming the rule by its place in the settings
 */
export function accessWarnings(rules: readonly AccessRule[]): readonly string[] {
  return rules.flatMap(({ match, sessions }, index) => {
    const warnings: string[] = [];
    if (match.role !== undefined && match.role !== "operator") {
      warnings.push(MESSAGES.ruleForRole(index, match.role));
    }
    if (match.deviceId !== undefined && !/^[0-9a-f]{64}$/i.test(match.deviceId)) {
      warnings.push(MESSAGES.ruleWithoutDevice(index, match.deviceId));
    }
    const earlier = rules.findIndex((other, place) => place < index && covers(other.match, match));
    if (earlier >= 0) warnings.push(MESSAGES.ruleCovered(index, earlier));
    for (const pattern of sessions) {
      if (!couldMatchCanonicalKey(pattern)) warnings.push(MESSAGES.ruleWithoutKeys(index, pattern));
    }
    const selfReported = PROVEN.some((name) => match[name] !== undefined)
      ? []
      : SELF_REPORTED.filter((name) => match[name] !== undefined);
    if (selfReported.length > 0 && opensMore(rules, index)) {
      warnings.push(MESSAGES.ruleSelfReported(index, selfReported.join(", ")));
    }
    return warnings;
  });
}

/** Facts that the gateway has checked. */
const PROVEN = ["deviceId", "user", "profile"] as const;

/** Self-reported facts; they include the scopes if the token is shared and the connection local. */
const SELF_REPORTED = ["clientId", "mode", "displayName", "userAgent", "scope"] as const;

/** Whether a rule allows more than a connection gets without self-reported values: the rule for all others. */
function opensMore(rules: readonly AccessRule[], index: number): boolean {
  const { sessions, methods } = rules[index]!;
  const rest = rules.slice(index + 1).find(({ match }) => covers(match, { role: "operator" }));
  // A pattern's own text can represent all keys that it matches: no key contains a star or a brace.
  const matchers = (rest?.sessions ?? []).map((pattern) => fillPattern(pattern, (name) => `{${name}}`)!);
  const covered = (pattern: string): boolean => matchers.some((matcher) => matchesKey(matcher, pattern));
  return !sessions.every(covered) || !methods.every((method) => rest?.methods.includes(method) === true);
}

/** Whether every connection that matches `narrow` also matches `wide`, as far as their fields show. */
function covers(wide: ConnectionMatch, narrow: ConnectionMatch): boolean {
  return Object.entries(wide).every(([name, value]) => narrow[name as keyof ConnectionMatch] === value);
}
