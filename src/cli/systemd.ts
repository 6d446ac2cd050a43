/** systemd: a drop-in for the user unit that `openclaw gateway install` writes. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { preloadProblem } from "../attach/other-preloads.ts";
import { Failure } from "./failure.ts";
import { hasModule, withModule } from "./node-options.ts";
import { isOldNode, nodeVersion, OLDEST_NODE } from "./node-version.ts";
import { type Env, profileOf } from "./openclaw-config.ts";
import { type Plan, textOf } from "./plan.ts";
import { dropIn, environmentFileValue, unitEnvironment } from "./unit-file.ts";
import { MESSAGES } from "./messages.ts";

/** Sorts after all usual names, `override.conf` too: the last `Environment=` of a variable wins. */
const DROP_IN = "zz-event-isolation.conf";
const VARIABLE = "NODE_OPTIONS";

/** The folders of users' and administrators' units, in the user manager's order. */
function folders(env: Env): string[] {
  const home = env["HOME"] ?? homedir();
  const config = env["XDG_CONFIG_HOME"] ?? join(home, ".config");
  // OpenClaw writes to ~/.config whatever XDG_CONFIG_HOME says.
  return [...new Set([join(config, "systemd/user"), join(home, ".config/systemd/user")]), "/etc/systemd/user"];
}

/** The unit that the gateway's own installer would write: `OPENCLAW_SYSTEMD_UNIT`, or by profile. */
export function unitName(env: Env, unit?: string): string {
  const profile = profileOf(env);
  const suffix = profile === "" ? "" : `-${profile}`;
  const name = unit ?? (env["OPENCLAW_SYSTEMD_UNIT"]?.trim() || `openclaw-gateway${suffix}`);
  return name.endsWith(".service") ? name : `${name}.service`;
}

/** The unit's file, if it is installed. */
export function unitFile(env: Env, unit?: string): string | undefined {
  return folders(env)
    .map((folder) => join(folder, unitName(env, unit)))
    .find((path) => existsSync(path));
}

/**
 * @param on true to enable, false to disable
 * @throws {Failure} if there is no such unit, or a drop-in would not help
 */
export function systemdPlan(on: boolean, env: Env, unit?: string): Plan {
  const name = unitName(env, unit);
  const file = unitFile(env, unit);
  const steps = [`systemctl --user daemon-reload`, `systemctl --user restart ${name}`];
  const title = `systemd: ${name}`;
  if (!on) {
    const path = dropInFiles(env, name).find((each) => basename(each) === DROP_IN);
    const left = effective(env, name, file ?? "").value;
    const notes = hasModule(left)
      ? [`${VARIABLE} of ${name} still loads the module, but enable did not set that: see systemctl --user cat ${name}`]
      : [];
    return { title, file: { path: path ?? ownDropIn(env, name, file), content: undefined }, notes, steps };
  }
  if (file === undefined) {
    throw new Failure(MESSAGES.noUnit(name, folders(env).join(" or ")));
  }
  const { value, files, unset, program } = effective(env, name, file);
  for (const each of files) {
    const set = environmentFileValue(textOf(each) ?? "", VARIABLE);
    if (set !== undefined) throw new Failure(MESSAGES.environmentFile(each, name, withModule(set)));
  }
  if (unset) throw new Failure(MESSAGES.unsetEnvironment(name));
  const comments = [
    "Written by `openclaw-event-isolation enable`; `openclaw-event-isolation disable` removes it.",
    `It holds all of the unit's ${VARIABLE}: run enable again after you change them elsewhere.`,
  ];
  return {
    title,
    file: { path: ownDropIn(env, name, file), content: dropIn(VARIABLE, withModule(value), comments) },
    notes: [problemOf({ program, value })].filter((note) => note !== undefined),
    steps,
  };
}

/** Whether the unit starts with the module: from `enable`, and up to date with the unit's other options. */
export function systemdState(env: Env, unit?: string): "enabled" | "outdated" | "disabled" | "no unit" {
  const name = unitName(env, unit);
  const file = unitFile(env, unit);
  if (file === undefined) return "no unit";
  const own = textOf(ownDropIn(env, name, file));
  const rest = effective(env, name, file);
  if (own === undefined) return hasModule(rest.value) ? "enabled" : "disabled";
  return unitEnvironment([own], VARIABLE).value === withModule(rest.value) ? "enabled" : "outdated";
}

/** The unit's environment without the module's drop-in. */
function effective(env: Env, name: string, file: string): ReturnType<typeof unitEnvironment> {
  const others = dropInFiles(env, name).filter((path) => basename(path) !== DROP_IN);
  const texts = [file, ...others].map((path) => (path === "" ? undefined : textOf(path)) ?? "");
  const found = unitEnvironment(texts, VARIABLE);
  return { ...found, files: found.files.map((path) => path.replace(/^%h(?=\/)/, env["HOME"] ?? homedir())) };
}

/** Drop-ins of a unit in systemd's order: by file name; for each name, only the one in the first folder. */
function dropInFiles(env: Env, name: string): string[] {
  const byName = new Map<string, string>();
  for (const folder of folders(env)) {
    const dropIns = join(folder, `${name}.d`);
    for (const each of existsSync(dropIns) ? readdirSync(dropIns) : []) {
      if (each.endsWith(".conf") && !byName.has(each)) byName.set(each, join(dropIns, each));
    }
  }
  return [...byName.keys()].sort().map((each) => byName.get(each)!);
}

/** Next to the user's own unit; for an administrator's unit, in the user's folder. */
function ownDropIn(env: Env, name: string, file: string | undefined): string {
  const unit = file === undefined || file.startsWith("/etc/") ? join(folders(env)[0]!, name) : file;
  return join(`${unit}.d`, DROP_IN);
}

/** Why the unit's program cannot load the module, whatever its environment; undefined if it can. */
export function programProblem(env: Env, unit?: string): string | undefined {
  const file = unitFile(env, unit);
  return file === undefined ? undefined : problemOf(effective(env, unitName(env, unit), file));
}

function problemOf({ program, value }: { program: string | undefined; value: string | undefined }): string | undefined {
  if (program === undefined) return undefined;
  const name = basename(program);
  if (/^bunx?$/.test(name)) return MESSAGES.unitRunsBun(program);
  if (!/^node(?:js)?$/.test(name)) return undefined;
  try {
    const version = nodeVersion(program);
    if (!isOldNode(version)) return preloadProblem(version, value, []);
    return MESSAGES.unitRunsOldNode(version, program, OLDEST_NODE);
  } catch {
    return MESSAGES.unitRunsNoNode(program);
  }
}
