/** The names of all events that a release can send, read from its own bundle. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Release } from "../gateway/release.ts";

/** A call of any broadcast function with a name as its first argument. */
const CALL = /\b(?:\w*[bB]roadcast\w*|sendConnectSnapshot)\??\.?\(\s*(["'`])([^"'`]+)\1/g;
/** Tables of names: what the gateway announces in its hello, and the scopes that an event asks for. */
const TABLES = [/\bGATEWAY_EVENTS = \[([^\]]*)\]/, /\bEVENT_SCOPE_GUARDS = \{([^}]*)\}/];
const CONSTANT = /\b([A-Z][A-Z0-9_]*EVENT[A-Z0-9_]*) = ["']([^"']+)["']/g;
const NAME = /^[a-z][A-Za-z]*(?:\.[a-z*][A-Za-z_]*)*$/;

/**
 * @returns the names, sorted; `plugin.*` for those that plugins choose
 * @throws if the release's lists are not found: then nothing is known, which is not the same as no events
 */
export function eventNames(release: Release): string[] {
  const dist = join(release.dir, "dist");
  const sources = readdirSync(dist)
    .filter((file) => /\.m?js$/.test(file))
    .map((file) => readFileSync(join(dist, file), "utf8"));
  const constants = new Map(
    sources.flatMap((text) => [...text.matchAll(CONSTANT)].map(([, id, name]) => [id!, name!])),
  );
  const names = new Set<string>();
  let tables = 0;
  for (const text of sources) {
    for (const [, , name] of text.matchAll(CALL)) names.add(name!.replaceAll(/\$\{[^}]*\}.*/g, "*"));
    for (const table of TABLES) {
      const [, body] = table.exec(text) ?? [];
      if (body === undefined) continue;
      tables += 1;
      for (const name of namesIn(body, constants)) names.add(name);
    }
  }
  if (tables === 0) throw new Error(`openclaw@${release.version}: no list of events in ${dist}`);
  return [...names].filter((name) => NAME.test(name)).toSorted();
}

/** The entries of a list, or the names of the fields of an object. */
function namesIn(body: string, constants: ReadonlyMap<string, string>): string[] {
  const withoutValues = body.replaceAll(/:\s*\[[^\]]*\]?/g, ":");
  return [...withoutValues.matchAll(/["']([^"']+)["']|([A-Za-z_]\w*)/g)].flatMap(([, quoted, word]) => {
    if (quoted !== undefined) return [quoted];
    const constant = constants.get(word!);
    return constant === undefined ? (/^[a-z]/.test(word!) ? [word!] : []) : [constant];
  });
}
