/**
 * Patterns for canonical session keys: `*` stands for any characters, `:` included, and `{deviceId}` and its like for
 * the connection's own values, self-reported or proven. Nothing else is special, and letter case does not count: the
 * gateway folds it in nearly all keys.
 */
import { parseAgentSessionKey } from "./session-key.ts";

/** Longest pattern, in UTF-16 code units. */
export const MAX_PATTERN_LENGTH = 512;

/** Names that may stand in braces: facts of a connection. */
export const PLACEHOLDERS = ["clientId", "mode", "deviceId", "user", "profile", "role"] as const;

export type Placeholder = (typeof PLACEHOLDERS)[number];

/** What a pattern may look like, as JSON Schema's `pattern`: braces only around a known name. */
export const PATTERN_SYNTAX = `^(?:[^{}]|\\{(?:${PLACEHOLDERS.join("|")})\\})+$`;

/** A pattern with its placeholders filled: the texts between its stars. */
export type KeyMatcher = readonly string[];

const PLACEHOLDER = /\{(\w+)\}/g;

/** A value with `:` could extend into other parts of a key; no key contains a space or a control character. */
const UNUSABLE_VALUE = /[:\s\p{Cc}]/u;

/**
 * Fills the placeholders of a pattern. Their values count as plain text, stars in them too.
 *
 * @param valueOf the connection's value for a placeholder
 * @returns undefined, which matches nothing, if a value is missing, empty or holds `:`, white space or
 *   control characters
 */
export function fillPattern(
  pattern: string,
  valueOf: (name: Placeholder) => string | undefined,
): KeyMatcher | undefined {
  let complete = true;
  const parts = pattern.split("*").map((part) =>
    part.replace(PLACEHOLDER, (_, name: Placeholder) => {
      const value = valueOf(name);
      if (value === undefined || value === "" || UNUSABLE_VALUE.test(value)) complete = false;
      return value ?? "";
    }),
  );
  if (!complete) return undefined;
  // Several stars in a row mean the same as one: the empty texts between them would only cost time.
  return parts
    .filter((part, index) => part !== "" || index === 0 || index === parts.length - 1)
    .map((part) => part.toLowerCase());
}

/**
 * Whether a filled pattern matches a whole key. Each text is looked for once, behind the one before:
 * no backtracking, at most key length × pattern length steps.
 */
export function matchesKey(matcher: KeyMatcher, key: string): boolean {
  const text = key.toLowerCase();
  const first = matcher[0]!;
  if (matcher.length === 1) return text === first;
  const last = matcher.at(-1)!;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (let index = 1; index < matcher.length - 1; index += 1) {
    const found = text.indexOf(matcher[index]!, at);
    if (found < 0 || found + matcher[index]!.length > end) return false;
    at = found + matcher[index]!.length;
  }
  return true;
}

/**
 * Whether a filled pattern matches every key that begins in a certain way: it ends with a star, and the part before
 * that star already matches.
 */
export function matchesAllUnder(matcher: KeyMatcher, start: string): boolean {
  return matcher.length > 1 && matcher.at(-1) === "" && matchesKey(matcher, start);
}

/** True for `*`, the pattern that every key matches. */
export function matchesEverything(pattern: string): boolean {
  return /^\*+$/.test(pattern);
}

/**
 * Whether a canonical key could match: one is `agent:<agentId>:<rest>`, `global` or `unknown`. Checks the text before
 * the first star or placeholder, so `true` means "perhaps".
 */
export function couldMatchCanonicalKey(pattern: string): boolean {
  const fixed = /^[^*{]*/.exec(pattern)![0].toLowerCase();
  if (fixed.length === pattern.length) {
    return fixed === "global" || fixed === "unknown" || parseAgentSessionKey(fixed) !== undefined;
  }
  return ["agent:", "global", "unknown"].some((start) => start.startsWith(fixed)) || fixed.startsWith("agent:");
}
