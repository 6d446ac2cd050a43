/** systemd: a drop-in for the user unit that `openclaw gateway install` writes, or for an administrator's unit. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { preloadProblem } from "../attach/other-preloads.ts";
import { Failure } from "./failure.ts";
import { hasModule, withModule } from "./node-options.ts";
import { isOldNode, nodeVersion, OLDEST_NODE } from "./node-version.ts";
import { type Env, profileOf } from "./openclaw-config.ts";
import { type Plan, textOf } from "./plan.ts";
import { loadsModule } from "./service-files.ts";
import { dropIn, environmentFileValue, unitEnvironment } from "./unit-file.ts";
import { MESSAGES } from "./messages.ts";

/** Sorts after all usual names, `override.conf` too: the last `Environment=` of a variable wins. */
const DROP_IN = "zz-event-isolation.conf";
const VARIABLE = "NODE_OPTIONS";

/** Which of systemd's managers starts a unit: the user's own, or the system's. */
export type Scope = "user" | "system";

/** The folders of a manager's units, in its order. */
const FOLDERS: Readonly<Record<Scope, (env: Env) => string[]>> = {
  user: (env) => {
    const home = env["HOME"] ?? homedir();
    const config = env["XDG_CONFIG_HOME"] ?? join(home, ".config");
    // OpenClaw writes to ~/.config whatever XDG_CONFIG_HOME says.
    return [...new Set([join(config, "systemd/user"), join(home, ".config/systemd/user")]), "/etc/systemd/user"];
  },
  // A variable of systemd's own; an empty part of it stands for the usual folders.
  system: (env) => (env["SYSTEMD_UNIT_PATH"] ?? "").split(":").flatMap((each) => (each === "" ? SYSTEM : [each])),
};
const SYSTEM = ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"].map((each) => `${each}/systemd/system`);

/** The command for a manager. */
const SYSTEMCTL: Readonly<Record<Scope, string>> = { user: "systemctl --user", system: "sudo systemctl" };

/** The unit that the gateway's own installer would write: `OPENCLAW_SYSTEMD_UNIT`, or by profile. */
export function unitName(env: Env, unit?: string): string {
  const profile = profileOf(env);
  const suffix = profile === "" ? "" : `-${profile}`;
  const name = unit ?? (env["OPENCLAW_SYSTEMD_UNIT"]?.trim() || `openclaw-gateway${suffix}`);
  return name.endsWith(".service") ? name : `${name}.service`;
}

/** The unit's file, if it is installed. */
export function unitFile(env: Env, unit?: string, scope: Scope = "user"): string | undefined {
  return FOLDERS[scope](env)
    .map((folder) => join(folder, unitName(env, unit)))
    .find((path) => existsSync(path));
}

/**
 * @param on true to enable, false to disable
 * @throws {Failure} if there is no such unit, or a drop-in would not help
 */
export function systemdPlan(on: boolean, env: Env, unit?: string, scope: Scope = "user"): Plan {
  const plan = filePlan(on, env, unitName(env, unit), unitFile(env, unit, scope), scope);
  return scope === "user" ? plan : byAdministrator(plan);
}

function filePlan(on: boolean, env: Env, name: string, file: string | undefined, scope: Scope): Plan {
  const steps = [`${SYSTEMCTL[scope]} daemon-reload`, `${SYSTEMCTL[scope]} restart ${name}`];
  const title = `systemd${scope === "user" ? "" : "-system"}: ${name}`;
  if (!on) {
    const path = dropInFiles(env, name, scope).find((each) => basename(each) === DROP_IN);
    const left = effective(env, name, file ?? "", scope).value;
    const notes = hasModule(left)
      ? [
          `${VARIABLE} of ${name} still loads the module, but enable did not set that: see ${SYSTEMCTL[scope]} cat ${name}`,
        ]
      : [];
    return { title, file: { path: path ?? ownDropIn(env, name, file, scope), content: undefined }, notes, steps };
  }
  if (file === undefined) {
    throw new Failure(MESSAGES.noUnit(name, FOLDERS[scope](env).join(" or "), scope === "user"));
  }
  const { value, files, unset, command } = effective(env, name, file, scope);
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
    file: { path: ownDropIn(env, name, file, scope), content: dropIn(VARIABLE, withModule(value), comments) },
    notes: [problemOf({ command, value }, scope)].filter((note) => note !== undefined),
    steps,
  };
}

/** The same plan as commands: this program does not ask for root's rights. */
function byAdministrator({ title, file, notes, steps }: Plan): Plan {
  const { path, content } = file!;
  if (textOf(path) === content) {
    return { title, notes: [...notes, content === undefined ? "nothing to remove" : `unchanged: ${path}`], steps: [] };
  }
  const lines = (content ?? "").trimEnd().split("\n").map(shellWord);
  const change =
    content === undefined
      ? [`sudo rm ${shellWord(path)}`]
      : [
          `sudo mkdir -p ${shellWord(dirname(path))}`,
          `printf '%s\\n' ${lines.join(" ")} | sudo tee ${shellWord(path)}`,
        ];
  return { title, notes, steps: [...change, ...steps] };
}

/** A word for a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Whether the unit starts with the module: from `enable`, and up to date with the unit's other options. */
export function systemdState(
  env: Env,
  unit?: string,
  scope: Scope = "user",
): "enabled" | "outdated" | "disabled" | "no unit" {
  const name = unitName(env, unit);
  const file = unitFile(env, unit, scope);
  if (file === undefined) return "no unit";
  const own = textOf(ownDropIn(env, name, file, scope));
  const { value, files, unset, command } = effective(env, name, file, scope);
  if (own === undefined && loadsModule(command)) return "enabled";
  const overriding = files.map((each) => environmentFileValue(textOf(each) ?? "", VARIABLE)).findLast(isGiven);
  if (unset || overriding !== undefined) return !unset && hasModule(overriding) ? "enabled" : "disabled";
  if (own === undefined) return hasModule(value) ? "enabled" : "disabled";
  return unitEnvironment([own], VARIABLE).value === withModule(value) ? "enabled" : "outdated";
}

function isGiven(value: string | undefined): boolean {
  return value !== undefined;
}

/** The unit's environment without the module's drop-in. */
function effective(env: Env, name: string, file: string, scope: Scope): ReturnType<typeof unitEnvironment> {
  const others = dropInFiles(env, name, scope).filter((path) => basename(path) !== DROP_IN);
  const texts = [file, ...others].map((path) => (path === "" ? undefined : textOf(path)) ?? "");
  const found = unitEnvironment(texts, VARIABLE);
  // For the system's manager %h is the home of root.
  const home = scope === "user" ? (env["HOME"] ?? homedir()) : "/root";
  return { ...found, files: found.files.map((path) => path.replace(/^%h(?=\/)/, home)) };
}

/** Drop-ins of a unit in systemd's order: by file name; for each name, only the one in the first folder. */
function dropInFiles(env: Env, name: string, scope: Scope): string[] {
  const byName = new Map<string, string>();
  for (const folder of FOLDERS[scope](env)) {
    const dropIns = join(folder, `${name}.d`);
    for (const each of existsSync(dropIns) ? readdirSync(dropIns) : []) {
      if (each.endsWith(".conf") && !byName.has(each)) byName.set(each, join(dropIns, each));
    }
  }
  return [...byName.keys()].sort().map((each) => byName.get(each)!);
}

/** Next to the user's own unit; for an administrator's or a package's unit, in the first folder. */
function ownDropIn(env: Env, name: string, file: string | undefined, scope: Scope): string {
  const elsewhere = scope === "system" || file === undefined || file.startsWith("/etc/");
  const unit = elsewhere ? join(FOLDERS[scope](env)[0]!, name) : file;
  return join(`${unit}.d`, DROP_IN);
}

/** Why the unit's program cannot load the module, whatever its environment; undefined if it can. */
export function programProblem(env: Env, unit?: string, scope: Scope = "user"): string | undefined {
  const file = unitFile(env, unit, scope);
  return file === undefined ? undefined : problemOf(effective(env, unitName(env, unit), file, scope), scope);
}

/** How to have a unit run Node. */
const TO_NODE: Readonly<Record<Scope, string>> = {
  user: "run openclaw gateway install --runtime node --force",
  system: "set its ExecStart= to Node and openclaw.mjs",
};

function problemOf(
  { command: [program], value }: { command: readonly string[]; value: string | undefined },
  scope: Scope,
): string | undefined {
  if (program === undefined) return undefined;
  const name = basename(program);
  if (/^bunx?$/.test(name)) return MESSAGES.unitRunsBun(program, TO_NODE[scope]);
  if (!/^node(?:js)?$/.test(name)) return undefined;
  try {
    const version = nodeVersion(program);
    if (!isOldNode(version)) return preloadProblem(version, value, []);
    return MESSAGES.unitRunsOldNode(version, program, OLDEST_NODE);
  } catch {
    return MESSAGES.unitRunsNoNode(program);
  }
}
