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
export const NAMES_SESSION =
  /(?:^s|S)essionKeys?$|^(?:spawnedBy|watchedSessions|ownerKey|parentKey|childKey|requesterKey|controllerKey)$/;

/** The target of a job: `isolated`, `main`, `current` or a session. */
const SESSION_TARGET = /^session:(.+)$/;

/** A key within a text, URL-encoded or not. */
const IN_TEXT = /agent(?::|%3A)[\w.%@+-]+?(?::|%3A)[^\s"'`<>(){}[\]|\\^&?#,;]+/gi;

/** The session keys in a value, each once and as written, by what they say about it. */
export interface FoundKeys {
  /** Under a name that means a session, or as the name of a property: the content is of these sessions. */
  readonly named: readonly string[];
  /** The whole text of another property, or part of a text without white space such as a URL. */
  readonly values: readonly string[];
  /** Within prose, which a model or a user may have written: it says nothing about whose content it is. */
  readonly quoted: readonly string[];
}

type Tier = keyof FoundKeys;

/**
 * The session keys in a value.
 *
 * @param value anything, e.g. an event's payload; getters are called, and what they throw is thrown
 * @returns undefined for a value that is too large to search
 */
export function findSessionKeys(value: unknown): FoundKeys | undefined {
  const found: Record<Tier, Set<string>> = { named: new Set(), values: new Set(), quoted: new Set() };
  const seen = new Set<object>();
  const left: { readonly name: string; readonly value: unknown }[] = [{ name: "", value }];
  let characters = 0;
  for (let looked = 0; left.length > 0; looked += 1) {
    // Before anything more is taken in: a single list may be longer than the bound.
    if (looked + left.length > MAX_VALUES || characters > MAX_CHARACTERS) return undefined;
    const { name, value: each } = left.pop()!;
    if (typeof each === "string") {
      characters += each.length;
      if (characters > MAX_CHARACTERS) return undefined;
      const { tier, keys } = keysInText(name, each);
      for (const key of keys) found[tier].add(key);
    } else if (typeof each === "object" && each !== null && !seen.has(each)) {
      seen.add(each);
      const { toJSON } = each as { toJSON?: unknown };
      if (typeof toJSON === "function") {
        left.push({ name, value: Reflect.apply(toJSON, each, [name]) as unknown });
      } else if (Array.isArray(each)) {
        if (each.length > MAX_VALUES) return undefined;
        for (const item of each) left.push({ name, value: item });
      } else {
        const properties = Object.keys(each);
        if (properties.length > MAX_VALUES) return undefined;
        for (const property of properties) {
          characters += property.length;
          if (parseAgentSessionKey(property)) found.named.add(property);
          left.push({ name: property, value: (each as Record<string, unknown>)[property] });
        }
      }
    }
  }
  return { named: [...found.named], values: [...found.values], quoted: [...found.quoted] };
}

/** All of {@link findSessionKeys} in one list. */
export function sessionKeysIn(value: unknown): readonly string[] | undefined {
  const found = findSessionKeys(value);
  return found && [...new Set([...found.named, ...found.values, ...found.quoted])];
}

const NONE = { tier: "quoted", keys: [] } as const;

function keysInText(name: string, text: string): { readonly tier: Tier; readonly keys: readonly string[] } {
  if (text === "") return NONE;
  if (NAMES_SESSION.test(name)) return { tier: "named", keys: [text] };
  if (name === "sessionTarget") return { tier: "named", keys: SESSION_TARGET.exec(text)?.slice(1, 2) ?? [] };
  if (!mayHoldKey(text)) return NONE;
  if (usableSessionKey(text) !== undefined && /^\s*agent:[^:\s]+:\S+\s*$/i.test(text)) {
    return { tier: "values", keys: [text.trim()] };
  }
  // In a URL a key may end at a slash, or contain it.
  const keys = Array.from(text.matchAll(IN_TEXT), ([match]) => decoded(match)).flatMap((key) =>
    key.includes("/") ? [key, key.slice(0, key.indexOf("/"))] : [key],
  );
  return { tier: /\s/.test(text.trim()) ? "quoted" : "values", keys };
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
