/** `doctor`: whether the module will work with the installed openclaw and its configuration. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { preloadProblem } from "../attach/other-preloads.ts";
import { ownVersion } from "../attach/own-version.ts";
import { PREEMPTION, RELEASES } from "../attach/seams.ts";
import { textTable } from "../report/columns.ts";
import { type Matrix, summaryOf } from "../report/promises.ts";
import { gatewayChecks } from "./doctor-gateway.ts";
import { type Check, finding } from "./check.ts";
import { configChecks } from "./doctor-config.ts";
import { EXIT, oneLine } from "./failure.ts";
import { addOpenclawOption, bunScript, findOpenclaw, type Openclaw } from "./find-openclaw.ts";
import { addGatewayOptions, type GatewayOptions } from "./gateway-target.ts";
import { isOldNode, OLDEST_NODE } from "./node-version.ts";
import { serviceFiles } from "./service-files.ts";
import { survey, type Survey } from "./survey.ts";
import { programProblem, type Scope, systemdState, unitName } from "./systemd.ts";
import { inRange } from "./versions.ts";
import { MESSAGES } from "./messages.ts";

/** Shipped in the package, like docs/releases.md, which is generated from it. */
const MATRIX = fileURLToPath(new URL("../../docs/matrix.json", import.meta.url));

/** The output of `doctor --json`. */
export interface DoctorReport {
  /** Of openclaw-event-isolation. */
  readonly version: string;
  readonly openclaw: { readonly release: string; readonly root: string };
  /** Of the Node that runs this. */
  readonly node: string;
  readonly checks: readonly Check[];
  readonly seams: Survey["seams"];
  readonly standDown: Survey["standDown"];
  readonly exitCode: 0 | 1 | 2;
}

interface Options extends GatewayOptions {
  readonly openclaw?: string;
  readonly gateway: boolean;
  readonly json?: boolean;
  readonly seams?: boolean;
}

export function doctorSubcommand(): Command {
  const command = new Command("doctor")
    .summary("check the installed openclaw, its configuration and the running gateway")
    .description(
      "Checks whether the module attaches to the installed openclaw, what that release does itself, the settings, heartbeats, hooks and the service, and whether the running gateway has the module. It changes nothing.\n\nExit codes: 0 no problems; 1 warnings; 2 an error, or doctor itself failed. A local gateway that does not run is not a problem; one that --url names is a warning.",
    )
    .option("--seams", "also list each part of the module with the functions of OpenClaw that it uses")
    .option("--no-gateway", "do not connect to the running gateway")
    .option("--json", "print the findings as JSON");
  addOpenclawOption(command);
  addGatewayOptions(command);
  return command.action(async (options: Options) => {
    const report = await examine(options, process.env);
    console.log(options.json ? JSON.stringify(report, undefined, 2) : reportText(report, options.seams === true));
    process.exitCode = report.exitCode;
  });
}

async function examine(options: Options, env: NodeJS.ProcessEnv): Promise<DoctorReport> {
  const openclaw = findOpenclaw(options.openclaw, env);
  const found = survey(openclaw.root, openclaw.release);
  const abortsHeartbeats = found.standDown.some(({ name }) => name === PREEMPTION);
  const { checks: ofConfig, file } = configChecks(openclaw.release, abortsHeartbeats, env);
  const checks = [
    ...releaseChecks(openclaw),
    nodeCheck(env),
    ...bunChecks(env),
    ...seamChecks(found),
    ...measuredChecks(openclaw),
    ...ofConfig,
    ...serviceChecks(env),
    ...(options.gateway ? await gatewayChecks(options, env, openclaw.release, file?.config) : []),
  ];
  const levels = new Set(checks.map(({ level }) => level));
  return {
    version: ownVersion(),
    openclaw: { release: openclaw.release, root: openclaw.root },
    node: process.versions.node,
    checks,
    seams: found.seams,
    standDown: found.standDown,
    exitCode: levels.has("error") ? EXIT.failed : levels.has("warning") ? EXIT.found : EXIT.ok,
  };
}

function releaseChecks({ release, root }: Openclaw): Check[] {
  const name = "release";
  const checks: Check[] = [finding.ok(name, `OpenClaw ${release} in ${root}`)];
  const { oldest, newest } = RELEASES;
  const age = inRange(release, `>${newest}`) ? "newer" : inRange(release, `<${oldest}`) ? "older" : "";
  if (age !== "") checks.push(finding.warning(name, MESSAGES.otherRelease(release, age, oldest, newest)));
  return checks;
}

function nodeCheck(env: NodeJS.ProcessEnv): Check {
  const version = process.versions.node;
  const { bun } = process.versions;
  if (bun !== undefined) return finding.error("node", MESSAGES.isBun(bun));
  if (isOldNode(version)) return finding.error("node", MESSAGES.oldNode(version, OLDEST_NODE));
  const problem = preloadProblem(version, env["NODE_OPTIONS"], process.execArgv);
  return problem === undefined ? finding.ok("node", `Node ${version}`) : finding.error("node", problem);
}

function bunChecks(env: NodeJS.ProcessEnv): Check[] {
  const script = bunScript(env);
  if (script === undefined) return [];
  return [finding.warning("bun", MESSAGES.scriptRunsBun(script))];
}

function seamChecks({ seams, standDown }: Survey): Check[] {
  const name = "seams";
  const missing = seams.filter(({ required, found }) => required && found.length === 0);
  if (missing.length > 0) {
    const named = missing.map((seam) => `"${seam.name}" (${seam.purpose})`).join(", ");
    return [finding.error(name, MESSAGES.missingSeams(named)), ...standsDown(standDown)];
  }
  const attached = seams.filter(({ found }) => found.length > 0);
  const absent = seams.filter(({ found, lost }) => found.length === 0 && lost.length === 0).map((seam) => seam.name);
  const elsewhere = absent.length > 0 ? `; not in this release: ${absent.join(", ")}` : "";
  const checks: Check[] = [finding.ok(name, `${attached.length} found, including all required ones${elsewhere}`)];
  const lost = seams.filter((seam) => seam.lost.length > 0);
  if (lost.length > 0) {
    const names = [...new Set(lost.flatMap((seam) => seam.lost))].join(", ");
    const without = [...new Set(lost.filter(({ found }) => found.length === 0).map((seam) => seam.without))];
    checks.push(finding.warning(name, MESSAGES.lostFunctions(names, without.join("; "))));
  }
  return [...checks, ...standsDown(standDown)];
}

function standsDown(parts: Survey["standDown"]): Check[] {
  return parts.map(({ text }) => finding.info("stands down", text));
}

/** The release's results in docs/matrix.json: what the module improves there, and what it does not. */
function measuredChecks({ release }: Openclaw): Check[] {
  const { releases } = JSON.parse(readFileSync(MATRIX, "utf8")) as Matrix;
  return summaryOf(release, releases[release]).map((text) => finding.info("measured", text));
}

/** systemd's units of the gateway, and how to have each load the module. */
const UNITS: readonly { readonly scope: Scope; readonly where: string; readonly enable: string }[] = [
  { scope: "user", where: "", enable: "openclaw-event-isolation enable" },
  { scope: "system", where: " (system-level)", enable: "openclaw-event-isolation enable --for systemd-system" },
];

function serviceChecks(env: NodeJS.ProcessEnv): Check[] {
  const name = "service";
  const units = UNITS.flatMap(({ scope, where, enable }) => {
    const unit = `${unitName(env)}${where}`;
    const problem = programProblem(env, undefined, scope);
    if (problem !== undefined) return [finding.warning(name, `${unit}: ${problem}`)];
    switch (systemdState(env, undefined, scope)) {
      case "enabled":
        return [finding.ok(name, `${unit} starts with the module`)];
      case "outdated":
        return [finding.warning(name, MESSAGES.dropInOutdated(unit, enable))];
      case "disabled":
        return [finding.warning(name, MESSAGES.unitWithoutModule(unit, enable))];
      case "no unit":
        return [];
    }
  });
  const others = serviceFiles(env).map((file) =>
    file.enabled
      ? finding.ok(name, `${file.name} starts with the module (${file.path})`)
      : finding.warning(
          name,
          MESSAGES.unitWithoutModule(
            `${file.name} (${file.path})`,
            `openclaw-event-isolation enable --for ${file.way}`,
          ),
        ),
  );
  return [...units, ...others];
}

/** @param all whether to list also the seams that were found */
function reportText({ checks, seams, openclaw }: DoctorReport, all: boolean): string {
  const mark = { ok: "ok", info: "-", warning: "WARNING", error: "ERROR" } as const;
  const listed = seams.filter(({ found }) => all || found.length === 0);
  const rows = listed.flatMap(({ name, required, found, purpose, without }) =>
    found.length > 0
      ? found.map((each, index) => [index === 0 ? name : "", `${each.function} in ${files(each.files)}`])
      : [[name, required ? `MISSING: ${purpose}` : `not in this release, so ${without}`]],
  );
  const count = (level: Check["level"]): string => {
    const n = checks.filter((check) => check.level === level).length;
    return `${n} ${level}${n === 1 ? "" : "s"}`;
  };
  return [
    ...checks.map(({ name, level, text }) => `${mark[level].padEnd(7)}  ${name.padEnd(11)}  ${oneLine(text)}`),
    "",
    ...(rows.length > 0
      ? [
          all ? `seams of OpenClaw ${openclaw.release}` : `seams that OpenClaw ${openclaw.release} does not have`,
          textTable(rows.map((row) => row.map((cell) => oneLine(cell, 120)))),
          "",
        ]
      : []),
    `${count("error")}, ${count("warning")}`,
  ].join("\n");
}

function files([first, ...more]: readonly string[]): string {
  return `${first}${more.length > 0 ? ` and ${more.length} more` : ""}`;
}
