/** The exact steps that make the module permanent where the command cannot safely write files. */
import { findOpenclaw } from "./find-openclaw.ts";
import { MODULE_OPTION, withModule, withoutModule } from "./node-options.ts";
import type { Env } from "./openclaw-config.ts";
import type { Plan } from "./plan.ts";
import { launchdLabel, launchdPlist, plistOptions, scheduledTask } from "./service-files.ts";

/** The module's place in an image. */
const IMAGE_FOLDER = "/opt/isolation";

/** @param version of this package */
export function dockerPlan(on: boolean, version: string): Plan {
  const lines = [
    `RUN npm install --prefix ${IMAGE_FOLDER} openclaw-event-isolation@${version}`,
    `ENV NODE_OPTIONS="--import=${IMAGE_FOLDER}/node_modules/openclaw-event-isolation/dist/register.js $NODE_OPTIONS"`,
  ];
  return {
    title: on
      ? "docker: add these two lines to your own image"
      : "docker: remove these lines and build the image again",
    notes: on
      ? [
          "if the image does not run as root, put USER root before these lines and its own user after them",
          "for openclaw fleet, name your image: openclaw fleet create <tenant> --image <image>",
          "for a gateway that you start by hand in a container: openclaw-event-isolation run",
        ]
      : [],
    steps: lines,
  };
}

/**
 * OpenClaw's Scheduled Task starts a batch file, which `gateway install` rewrites.
 *
 * @param option the module, as Node takes it
 */
export function windowsPlan(on: boolean, env: Env, option = MODULE_OPTION): Plan {
  const { script, task } = scheduledTask(env);
  // In a batch file %20 would be the script's second argument and a 0.
  const line = `set "NODE_OPTIONS=%NODE_OPTIONS% ${option.replaceAll("%", "%%")}"`;
  return {
    title: on
      ? `windows: add this line to ${script}, before the line that starts Node`
      : `windows: remove this line from ${script}`,
    notes: [
      `the Scheduled Task "${task}" starts that file: restart it with openclaw gateway restart`,
      ...(on ? ["openclaw gateway install rewrites the file: add the line again after it"] : []),
    ],
    steps: [line],
  };
}

/** Not by NODE_OPTIONS: in cluster mode a worker has the environment of pm2's daemon when it starts. */
export function pm2Plan(on: boolean, env: Env, dir?: string): Plan {
  const { entry } = findOpenclaw(dir, env);
  const start = (options: string): string => `pm2 start "${entry}" --name openclaw ${options}-- gateway run`;
  return {
    title: "pm2: openclaw",
    notes: [
      "run one instance only: two gateways cannot share a port and a state folder",
      ...(on ? ["to change an app that is there already, first run: pm2 delete openclaw"] : []),
    ],
    steps: [...(on ? [] : ["pm2 delete openclaw"]), start(on ? `--node-args="${MODULE_OPTION}" ` : ""), "pm2 save"],
  };
}

export function shellPlan(on: boolean): Plan {
  return on
    ? {
        title: "shell: for gateways that you start by hand",
        notes: [
          "to load the module for one start only: openclaw-event-isolation run",
          "the line lasts as long as its shell, and every Node program started there loads the module, which does nothing outside a gateway",
        ],
        steps: [`export NODE_OPTIONS="${MODULE_OPTION}\${NODE_OPTIONS:+ $NODE_OPTIONS}"`],
      }
    : {
        title: "shell: remove this from NODE_OPTIONS where you set it",
        notes: [],
        steps: [MODULE_OPTION],
      };
}

/**
 * launchd has no drop-ins and OpenClaw rewrites its plist: OpenClaw's own way for such options is a wrapper since
 * 2026.5, and a key of the plist before.
 */
export function launchdPlan(on: boolean, env: Env, dir?: string): Plan {
  const { entry, release } = findOpenclaw(dir, env);
  const label = launchdLabel(env);
  const wrapper = "$HOME/.local/bin/openclaw-isolated";
  const title = `launchd: ${label}`;
  if (/^2026\.[1-4]\./.test(release)) {
    const plist = `"$HOME/Library/LaunchAgents/${label}.plist"`;
    const buddy = `/usr/libexec/PlistBuddy -c`;
    const before = plistOptions(launchdPlist(env));
    const rest = withoutModule(before);
    const key = ":EnvironmentVariables:NODE_OPTIONS";
    const edit = on
      ? [
          `cp ${plist} ${plist}.before-isolation`,
          `${buddy} '${before === undefined ? `Add ${key} string` : `Set ${key}`} ${withModule(before)}' ${plist}`,
        ]
      : [`${buddy} '${rest === "" ? `Delete ${key}` : `Set ${key} ${rest}`}' ${plist}`];
    const restart = [`launchctl bootout gui/$UID/${label}`, `launchctl bootstrap gui/$UID ${plist}`];
    return {
      title,
      notes: [`openclaw gateway install rewrites the plist: repeat these steps after it`],
      steps: [...edit, ...restart],
    };
  }
  const steps = on
    ? [
        `mkdir -p "$HOME/.local/bin"`,
        `printf '%s\\n' '#!/bin/sh' 'exec "${process.execPath}" "${MODULE_OPTION}" "${entry}" "$@"' > "${wrapper}"`,
        `chmod 755 "${wrapper}"`,
        `openclaw gateway install --wrapper "${wrapper}" --force`,
        "openclaw gateway restart",
      ]
    : ["OPENCLAW_WRAPPER= openclaw gateway install --force", "openclaw gateway restart", `rm -f "${wrapper}"`];
  return { title, notes: [], steps };
}
