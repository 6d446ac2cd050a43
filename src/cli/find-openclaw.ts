/** Finds the installed `openclaw` package for a command. */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import { openclawPackage } from "../attach/process.ts";
import { Failure, oneLine } from "./failure.ts";
import { outputOf } from "./launch.ts";
import { MESSAGES } from "./messages.ts";

export interface Openclaw {
  /** The package's folder, real path. */
  readonly root: string;
  /** Its version, e.g. `2026.9.6`. */
  readonly release: string;
  /** Its command, a script for Node. */
  readonly entry: string;
}

/** Adds `--openclaw`. */
export function addOpenclawOption(command: Command): Command {
  return command.addOption(
    new Option("--openclaw <dir>", "folder of the openclaw package (default: PATH, npm's global folder, node_modules)"),
  );
}

/**
 * The package that `--openclaw` names, otherwise the one that the shell would run, otherwise npm's global one,
 * otherwise the one in a `node_modules` folder at or above the working directory or next to this package.
 *
 * @param dir the package's folder, or one with it in `node_modules` or `lib/node_modules`
 * @throws {Failure} if none is found
 */
export function findOpenclaw(
  dir: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Openclaw {
  if (dir !== undefined) {
    const found = firstIn(["", "node_modules/openclaw", "lib/node_modules/openclaw"].map((part) => resolve(dir, part)));
    if (found) return found;
    throw new Failure(MESSAGES.noOpenclawIn(oneLine(dir, 200)));
  }
  // An agent may be able to write to the working directory, so it comes last.
  const found = onPath(env) ?? firstIn(npmGlobalFolders()) ?? firstIn(localFolders());
  if (found) return found;
  throw new Failure(MESSAGES.noOpenclaw);
}

function onPath(env: Readonly<Record<string, string | undefined>>): Openclaw | undefined {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const command = join(folder, "openclaw");
    const found = folder !== "" && existsSync(command) && (describe(command) ?? behindShim(command));
    if (found) return found;
  }
  return undefined;
}

/** The target of a package manager's shim, relative to its own folder: pnpm writes shims where npm links. */
const SHIM_TARGET = /\$basedir(?:_abs)?"?\/['"]?([^'"\n]*\bopenclaw\.mjs)/;

function behindShim(command: string): Openclaw | undefined {
  try {
    const file = realpathSync(command);
    // Another program named openclaw may have any size.
    if (statSync(file).size > 65_536) return undefined;
    const target = SHIM_TARGET.exec(readFileSync(file, "utf8"))?.[1];
    return target === undefined ? undefined : describe(resolve(dirname(file), target));
  } catch {
    return undefined;
  }
}

/** The `openclaw` that the shell would run, if that is a script for Bun: by its first line, or by what it starts. */
export function bunScript(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const command = folders.map((folder) => join(folder, "openclaw")).find((each) => existsSync(each));
  try {
    if (command === undefined || statSync(command).size > 65_536) return undefined;
    return BUN_LINE.test(readFileSync(command, "utf8")) ? command : undefined;
  } catch {
    return undefined;
  }
}

const BUN_LINE = /^#!.*\bbun\b|^\s*(?:exec\s+)?["']?(?:\S*\/)?bunx?["']?\s/m;

function localFolders(): string[] {
  const folders: string[] = [];
  for (const start of [process.cwd(), dirname(fileURLToPath(import.meta.url))]) {
    for (let folder = start; ; folder = dirname(folder)) {
      folders.push(join(folder, "node_modules", "openclaw"));
      if (folder === dirname(folder)) break;
    }
  }
  return folders;
}

function npmGlobalFolders(): string[] {
  try {
    return [join(outputOf("npm", ["root", "--global"]), "openclaw")];
  } catch {
    return []; // no npm, so nothing was installed with it
  }
}

function firstIn(folders: readonly string[]): Openclaw | undefined {
  for (const folder of folders) {
    const found = existsSync(join(folder, "package.json")) && describe(join(folder, "package.json"));
    if (found) return found;
  }
  return undefined;
}

/** The package that a file belongs to; undefined if it is another's. */
function describe(file: string): Openclaw | undefined {
  const found = openclawPackage(file);
  if (!found) return undefined;
  const manifest = JSON.parse(readFileSync(join(found.root, "package.json"), "utf8")) as {
    bin?: string | Record<string, string>;
  };
  const bin = typeof manifest.bin === "string" ? manifest.bin : manifest.bin?.["openclaw"];
  return { ...found, entry: join(found.root, bin ?? "openclaw.mjs") };
}
