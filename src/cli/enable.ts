/** `enable` and `disable`: make the module permanent for the way the gateway is run, and undo it. */
import { existsSync } from "node:fs";
import { Command, Option } from "commander";
import { ownVersion } from "../attach/own-version.ts";
import { registerUrl } from "../attach/preload.ts";
import { Failure } from "./failure.ts";
import { addOpenclawOption } from "./find-openclaw.ts";
import { inRunnersCache } from "./node-options.ts";
import { carryOut, type Plan } from "./plan.ts";
import { systemdPlan, unitFile } from "./systemd.ts";
import { dockerPlan, launchdPlan, pm2Plan, shellPlan, windowsPlan } from "./ways.ts";
import { MESSAGES } from "./messages.ts";

interface Options {
  readonly for?: Way;
  readonly unit?: string;
  readonly openclaw?: string;
  readonly dryRun?: boolean;
}

/** The ways to run a gateway, and what to do for each. */
const PLANS = {
  systemd: (on, { unit }) => systemdPlan(on, process.env, unit),
  "systemd-system": (on, { unit }) => systemdPlan(on, process.env, unit, "system"),
  launchd: (on, { openclaw }) => launchdPlan(on, process.env, openclaw),
  windows: (on) => windowsPlan(on, process.env),
  pm2: (on, { openclaw }) => pm2Plan(on, process.env, openclaw),
  docker: (on) => dockerPlan(on, ownVersion()),
  shell: (on) => shellPlan(on),
} as const satisfies Record<string, (on: boolean, options: Options) => Plan>;
type Way = keyof typeof PLANS;

export function enableSubcommand(): Command {
  return subcommand(
    "enable",
    "load the module whenever the gateway starts",
    "Makes the gateway load the module at every start. With systemd, it writes a drop-in for the gateway's user unit and keeps the unit's other NODE_OPTIONS; for every other way, it prints the steps. It restarts nothing. Running it again changes nothing.",
  );
}

export function disableSubcommand(): Command {
  return subcommand(
    "disable",
    "undo what enable did",
    "Removes what enable wrote; for ways other than systemd's user units, it prints the steps.",
  );
}

function subcommand(name: "enable" | "disable", summary: string, description: string): Command {
  const command = new Command(name)
    .summary(summary)
    .description(description)
    .addOption(new Option("--for <way>", "how the gateway is run (default: auto-detected)").choices(Object.keys(PLANS)))
    .option("--unit <name>", "systemd unit (default: the one that openclaw gateway install writes)")
    .option("--dry-run", "only show what would change");
  addOpenclawOption(command);
  return command.action((options: Options) => {
    const on = name === "enable";
    const { way, because } = options.for ? { way: options.for } : detectWay(process.env, options.unit);
    if (on && way !== "docker" && inRunnersCache(registerUrl())) throw new Failure(MESSAGES.runnersCache);
    const plan = PLANS[way](on, options);
    if (because !== undefined)
      console.error(`${name}: for ${way}, because ${because}; --for ${Object.keys(PLANS).join("|")} chooses another`);
    console.log(carryOut(plan, options.dryRun ?? false).join("\n"));
  });
}

interface Detected {
  readonly way: Way;
  /** Completes "because …". */
  readonly because?: string;
}

const BY_SYSTEM: Partial<Record<NodeJS.Platform, Detected>> = {
  darwin: { way: "launchd", because: "this is macOS" },
  win32: { way: "windows", because: "this is Windows" },
};

/** How the gateway of this machine is run, as far as that can be detected. */
function detectWay(env: NodeJS.ProcessEnv, unit?: string): Detected {
  for (const [way, scope] of [
    ["systemd", "user"],
    ["systemd-system", "system"],
  ] as const) {
    const file = unitFile(env, unit, scope);
    if (file !== undefined) return { way, because: `${file} exists` };
  }
  if (unit !== undefined) return { way: "systemd" };
  const system = BY_SYSTEM[process.platform];
  if (system) return system;
  const container = ["/.dockerenv", "/run/.containerenv"].find((each) => existsSync(each));
  if (container !== undefined) return { way: "docker", because: `${container} exists: this is a container` };
  return { way: "shell", because: "there is neither a systemd unit of OpenClaw nor a container" };
}
