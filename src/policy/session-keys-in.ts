/**
 * Finds the session keys in a value, at any depth: under names that mean a session, as whole texts, as the names of
 * properties, and within longer texts such as a URL.
 *
 * The search is bounded and does not guess: it reports a value that is too large to search.
 */
import { parseAgentSessionKey, usableSessionKey } from "./session-key.ts";

/** Bound on the values and characters of one search: some ten milliseconds of work. */
const MAX_VALUES = 20_000;
const MAX_CHARACTERS = 1_000_000;

/** Properties that contain the key of a session, including raw keys such as `main`. */
const NAMES_SESSION =
  /(?:^s|S)essionKeys?$|^(?:spawnedBy|watchedSessions|ownerKey|parentKey|childKey|requesterKey|controllerKey)$/;

/** The target of a job: `isolated`, `main`, `current` or a session. */
const SESSION_TARGET = /^session:(.+)$/;

/** A key within a text, URL-encoded or not. */
const IN_TEXT = /agent(?::|%3A)[\w.%@+-]+?(?::|%3A)[^\s"'`<>(){}[\]|\\^&?#,;]+/gi;

/**
 * The session keys in a value.
 *
 * @param value anything, e.g. an event's payload; getters are called, and what they throw is thrown
 * @returns each key once, as written; undefined for a value that is too large to search
 */
export function sessionKeysIn(value: unknown): readonly string[] | undefined {
  const found = new Set<string>();
  const seen = new Set<object>();
  const left: { readonly name: string; readonly value: unknown }[] = [{ name: "", value }];
  let characters = 0;
  for (let looked = 0; left.length > 0; looked += 1) {
    if (looked >= MAX_VALUES || characters > MAX_CHARACTERS) return undefined;
    const { name, value: each } = left.pop()!;
    if (typeof each === "string") {
      characters += each.length;
      if (characters > MAX_CHARACTERS) return undefined;
      for (const key of keysInText(name, each)) found.add(key);
    } else if (typeof each === "object" && each !== null && !seen.has(each)) {
      seen.add(each);
      const { toJSON } = each as { toJSON?: unknown };
      if (typeof toJSON === "function") {
        left.push({ name, value: Reflect.apply(toJSON, each, [name]) as unknown });
        continue;
      }
      if (Array.isArray(each)) for (const item of each) left.push({ name, value: item });
      else {
        for (const [property, item] of Object.entries(each)) {
          if (parseAgentSessionKey(property)) found.add(property);
          left.push({ name: property, value: item });
        }
      }
    }
  }
  return [...found];
}

function keysInText(name: string, text: string): readonly string[] {
  if (text === "") return [];
  if (NAMES_SESSION.test(name)) return [text];
  if (name === "sessionTarget") return SESSION_TARGET.exec(text)?.slice(1, 2) ?? [];
  if (!mayHoldKey(text)) return [];
  if (usableSessionKey(text) !== undefined && /^\s*agent:[^:\s]+:\S+\s*$/i.test(text)) return [text.trim()];
  // In a URL a key may end at a slash, or contain it.
  return Array.from(text.matchAll(IN_TEXT), ([match]) => decoded(match)).flatMap((key) =>
    key.includes("/") ? [key, key.slice(0, key.indexOf("/"))] : [key],
  );
}

function mayHoldKey(text: string): boolean {
  return /agent(?::|%3A)/i.test(text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replaceAll(/%3A/gi, ":");
  }
}
