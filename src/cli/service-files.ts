/** Services other than systemd's units, by the files that OpenClaw writes for them. */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Env, profileOf, stateDir } from "./openclaw-config.ts";

export interface ServiceFile {
  /** The service, for a message. */
  readonly name: string;
  readonly path: string;
  /** The option of `enable` for it. */
  readonly way: "launchd" | "windows";
}

/** The label of OpenClaw's service for launchd. */
export function launchdLabel(env: Env): string {
  return env["OPENCLAW_LAUNCHD_LABEL"]?.trim() || `ai.openclaw.${profileOf(env) || "gateway"}`;
}

/** The batch file that the Scheduled Task starts, and the task. */
export function scheduledTask(env: Env): { readonly script: string; readonly task: string } {
  const profile = profileOf(env);
  return {
    script: env["OPENCLAW_TASK_SCRIPT"]?.trim() || join(stateDir(env), "gateway.cmd"),
    task: env["OPENCLAW_WINDOWS_TASK_NAME"]?.trim() || `OpenClaw Gateway${profile && ` (${profile})`}`,
  };
}

/** Those that are installed, and whether each starts the gateway with the module. */
export function serviceFiles(env: Env): (ServiceFile & { readonly enabled: boolean })[] {
  const label = launchdLabel(env);
  const { script, task } = scheduledTask(env);
  const files: readonly ServiceFile[] = [
    {
      name: `launchd's ${label}`,
      path: join(env["HOME"] ?? homedir(), "Library/LaunchAgents", `${label}.plist`),
      way: "launchd",
    },
    { name: `the Scheduled Task "${task}"`, path: script, way: "windows" },
  ];
  return files.flatMap((file) => {
    const text = smallText(file.path);
    return text === undefined ? [] : [{ ...file, enabled: [text, ...programs(text)].some((each) => NAMED.test(each)) }];
  });
}

const NAMED = /openclaw-event-isolation[\\/]dist[\\/]register\.js/;

/** Texts of the scripts that a plist starts, such as a wrapper, and of the files that it gives them. */
function programs(plist: string): string[] {
  const [, list = ""] = /<key>ProgramArguments<\/key>\s*<array>([\s\S]*?)<\/array>/.exec(plist) ?? [];
  const paths = [...list.matchAll(/<string>(\/[^<]*)<\/string>/g)].map((match) => match[1]!);
  return paths.map(smallText).filter((text) => text !== undefined);
}

function smallText(path: string): string | undefined {
  try {
    return statSync(path).size > 65_536 ? undefined : readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
