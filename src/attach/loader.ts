/**
 * Attaches to functions of OpenClaw while its modules load.
 *
 * A function declaration is a mutable binding of its module and is hoisted, so a statement put in
 * front of the module's own code can replace it for every caller before any of them runs. No
 * parser, no file on disk changed, line numbers kept.
 */
import { readFileSync, readdirSync } from "node:fs";
import * as nodeModule from "node:module";
import { readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { loadNext } from "./commonjs.ts";
import { MESSAGES } from "../messages.ts";

/** Global under which transformed modules find the attach function. */
export const ATTACH_SYMBOL = "openclaw-event-isolation.attach";

/** Gets a function's name and the original; returns what callers will call instead. */
export type Attach = (name: string, original: unknown) => unknown;

const MODULE_FILE = /\.m?js$/;

/** A module's source with the attaching statements in it, and the functions that these replace. */
export interface AttachedSource {
  readonly source: string;
  readonly found: readonly string[];
}

/**
 * Puts the attaching statements in front of the source of modules.
 *
 * @param names functions to look for
 * @returns a function of an ES module's source, with undefined for one that declares none of them
 */
export function attacher(names: readonly string[]): (source: string | Uint8Array) => AttachedSource | undefined {
  const either = names.join("|");
  const mentioned = new RegExp(`function (?:${either})\\(`);
  const declared = new RegExp(`^(?:export )?(?:async )?function (${either})\\(`, "gm");
  const attach = `globalThis[Symbol.for(${JSON.stringify(ATTACH_SYMBOL)})]`;
  return (source) => {
    let text = source;
    if (typeof text !== "string") {
      const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
      // Most of some thousand chunks declare none of these functions: decoded as Latin 1 they cost a tenth.
      if (!mentioned.test(bytes.toString("latin1"))) return undefined;
      text = bytes.toString();
    }
    const found = [...new Set([...text.matchAll(declared)].map((match) => match[1]!))];
    if (found.length === 0) return undefined;
    const statements = found
      // The declaration may be text inside a template; then there is nothing to replace.
      .map((name) => `typeof ${name}==="function"&&(${name}=${attach}(${JSON.stringify(name)},${name}));`)
      .join("");
    const hashbang = /^#!.*\n/.exec(text)?.[0] ?? "";
    return { source: hashbang + statements + text.slice(hashbang.length), found };
  };
}

/**
 * Installs the load hook for the modules of one OpenClaw package.
 *
 * @param root the package's folder, real path
 * @param onModule called with the functions found in a module, before it runs
 * @throws {Error} on a Node without `module.registerHooks`
 */
export function installLoader(
  root: string,
  names: readonly string[],
  attach: Attach,
  onModule: (file: string, found: readonly string[]) => void,
): void {
  if (typeof nodeModule.registerHooks !== "function") {
    throw new Error(MESSAGES.noRegisterHooks(process.versions.node));
  }
  const attachTo = attacher(names);
  const prefix = pathToFileURL(root.endsWith(sep) ? root : root + sep).href;
  Object.defineProperty(globalThis, Symbol.for(ATTACH_SYMBOL), { value: attach, configurable: true });
  nodeModule.registerHooks({
    load(url, context, nextLoad) {
      const loaded = loadNext(url, context, nextLoad);
      if (!url.startsWith(prefix) || loaded.format !== "module" || !loaded.source) return loaded;
      const path = url.slice(prefix.length);
      if (path.includes("node_modules/")) return loaded;
      const { source } = loaded;
      const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source;
      const attached = attachTo(bytes as string | Uint8Array);
      if (!attached) return loaded;
      onModule(path, attached.found);
      return { ...loaded, source: attached.source };
    },
  });
}

/**
 * Looks for declarations on disk, for functions whose module may simply not have loaded yet.
 *
 * @param root the package's folder
 * @returns the names found and the file, relative to `root`, of each
 */
export function scanPackage(root: string, names: readonly string[]): Map<string, string[]> {
  const attachTo = attacher(names);
  const found = new Map<string, string[]>();
  for (const file of moduleFiles(root)) {
    for (const name of attachTo(readFileSync(join(root, file)))?.found ?? []) {
      found.set(name, [...(found.get(name) ?? []), file]);
    }
  }
  return found;
}

/**
 * The same while a gateway works: reads one file at a time and stops when all are found.
 *
 * @returns those of the names that the package declares
 * @throws {Error} if it has no readable dist folder
 */
export async function declaredNames(root: string, names: readonly string[]): Promise<Set<string>> {
  const attachTo = attacher(names);
  const found = new Set<string>();
  for (const file of moduleFiles(root)) {
    if (found.size === names.length) break;
    for (const name of attachTo(await readFile(join(root, file)))?.found ?? []) found.add(name);
  }
  return found;
}

function moduleFiles(root: string): string[] {
  return readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" })
    .filter((file) => MODULE_FILE.test(file) && !file.includes(`node_modules${sep}`))
    .map((file) => join("dist", file));
}

/** The path of a `file:` URL or path, as a path. */
export function asPath(specifier: string): string {
  return specifier.startsWith("file:") ? fileURLToPath(specifier) : specifier;
}
