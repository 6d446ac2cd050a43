/**
 * Finds the secrets of sessions in whatever a gateway sends: events, answers, errors, hello-ok.
 *
 * It goes by content alone, at any depth: no event and no field is known to it by name. What it
 * excuses is listed in `excuses.ts`.
 */

/** A text that only those who claim a session may see. */
export interface Secret<Kind extends string> {
  /** The number by which the caller knows the session. */
  readonly session: number;
  readonly kind: Kind;
  /** Letter case does not count. An empty text is never found. */
  readonly text: string;
}

/** A secret that was found, and where. */
export interface Trace<Kind extends string> extends Secret<Kind> {
  /** `payload.rows[].key`: names joined by dots, `[]` for any place in a list, `(name)` if it is in a name itself. */
  readonly path: string;
}

export interface SecretFinder<Kind extends string> {
  /** The secrets in a text, which may be a whole frame as JSON. Fast: one pass, no paths. */
  inText(text: string): ReadonlySet<Secret<Kind>>;
  /** Every secret in a value as `JSON.parse` makes it, one trace for each path and secret. */
  inValue(value: unknown): Trace<Kind>[];
}

/** What a text is looked for by at first. */
const START_LENGTH = 5;
/** Texts in texts: JSON in a JSON string, a URL in that, and so on. */
const LAYERS = 4;
const ENCODED = /%[0-9a-f]{2}|\\/i;
const CODES = /(?:%[0-9a-f]{2})+|\\u[0-9a-f]{4}|\\[^u]/gi;
const PLAIN: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

/**
 * Makes the finder of some sessions' secrets.
 *
 * Where one secret is part of another, as a word that is in the session's key, the longer one is
 * found and the part in it does not count. Two sessions may share a text: both are found.
 */
export function secretFinder<Kind extends string>(secrets: readonly Secret<Kind>[]): SecretFinder<Kind> {
  const byText = Map.groupBy(
    secrets.filter(({ text }) => text !== ""),
    ({ text }) => text.toLowerCase(),
  );
  const look = search([...byText.keys()]);

  function inText(text: string): Set<Secret<Kind>> {
    const found = new Set<Secret<Kind>>();
    let layer = text;
    for (let depth = 0; ; depth += 1) {
      look(layer.toLowerCase(), (match) => {
        for (const secret of byText.get(match)!) found.add(secret);
      });
      if (depth === LAYERS || !ENCODED.test(layer)) return found;
      const next = decoded(layer);
      if (next === layer) return found;
      layer = next;
    }
  }

  function inValue(value: unknown): Trace<Kind>[] {
    const traces = new Map<string, Trace<Kind>>();
    const note = (text: string, path: string): void => {
      for (const secret of inText(text)) {
        traces.set(JSON.stringify([path, secret.session, secret.kind, secret.text]), { ...secret, path });
      }
    };
    // A list of what is to do, not recursion: depth is the sender's choice.
    const rest: { readonly value: unknown; readonly path: string }[] = [{ value, path: "" }];
    for (let next = rest.pop(); next; next = rest.pop()) {
      const { value: part, path } = next;
      if (typeof part === "string") note(part, path);
      else if (Array.isArray(part)) for (const each of part) rest.push({ value: each, path: `${path}[]` });
      else if (typeof part === "object" && part !== null) {
        for (const [name, inner] of Object.entries(part)) {
          note(name, within(path, `(${name})`));
          rest.push({ value: inner, path: within(path, name) });
        }
      }
    }
    return [...traces.values()];
  }

  return { inText, inValue };
}

function within(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Removes one layer of percent and JSON escapes. Malformed escapes stay unchanged. */
function decoded(text: string): string {
  return text.replaceAll(CODES, (code) => {
    if (code.startsWith("\\u")) return String.fromCharCode(Number.parseInt(code.slice(2), 16));
    if (code.startsWith("\\")) return PLAIN[code.slice(1)] ?? code.slice(1);
    try {
      return decodeURIComponent(code);
    } catch {
      return code.replaceAll(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)));
    }
  });
}

/**
 * Makes a function that calls back with each of some texts in another one, from left to right, the
 * longest that fits, and goes on behind it. How many texts there are matters little.
 *
 * @param texts different and not empty
 */
function search(texts: readonly string[]): (text: string, found: (text: string) => void) => void {
  const known = new Set(texts);
  const lengths = [...new Set(texts.map(({ length }) => length))].toSorted((a, b) => b - a);
  const start = Math.min(START_LENGTH, lengths.at(-1) ?? 0);
  const starts = new RegExp([...new Set(texts.map((text) => escaped(text.slice(0, start))))].join("|"), "g");
  return (text, found) => {
    if (start === 0) return;
    starts.lastIndex = 0;
    for (let hit = starts.exec(text); hit; hit = starts.exec(text)) {
      const { index } = hit;
      const match = lengths.map((length) => text.slice(index, index + length)).find((each) => known.has(each));
      starts.lastIndex = index + (match?.length ?? 1);
      if (match !== undefined) found(match);
    }
  };
}

/** What Node 24 has as `RegExp.escape`. */
function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
}
