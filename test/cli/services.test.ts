/** Services that are not the user's own systemd unit: what enable prints for them, and what doctor reports. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor.ts";
import { declaredBy } from "../../src/cli/survey.ts";
import { windowsPlan } from "../../src/cli/ways.ts";
import { command, emptyFolder, expectFailure, installedCli, PLAIN_PATH } from "./command.ts";
import { madeUp } from "./made-up.ts";

const UNIT = "openclaw-gateway.service";
const register = (): string => `file://${join(installedCli(), "../register.js")}`;

/** A folder of system-level units with one for the gateway, and the variable that names the folder. */
function systemUnit(lines: string, unit = UNIT): { folder: string; env: Record<string, string> } {
  const folder = join(emptyFolder(), "units");
  mkdirSync(folder);
  writeFileSync(join(folder, unit), `[Service]\nUser=openclaw\n${lines}\n`);
  return { folder, env: { SYSTEMD_UNIT_PATH: folder } };
}

/** A release that lacks nothing: doctor then ends with 0 unless a service, or Bun, is in the way. */
const ALL = [...declaredBy("2026.9.6")].map((name) => `function ${name}() {}\n`).join("");

/** What doctor reports of services, and its exit code. */
async function services(how: { home?: string; env?: Record<string, string> }): Promise<[number | null, ...string[]]> {
  const openclaw = madeUp("2026.9.6", ALL);
  const { code, stdout } = await command(["doctor", "--json", "--no-gateway", "--openclaw", openclaw], how);
  const { checks } = JSON.parse(stdout) as DoctorReport;
  return [code, ...checks.filter(({ name }) => name === "service").map(({ level, text }) => `${level}: ${text}`)];
}

const START = "ExecStart=/usr/bin/env true /opt/openclaw/openclaw.mjs gateway";

/** Carries out the steps that enable prints, as a user who pastes them would; root and systemd are stand-ins. */
function paste(stdout: string, heading = "do this:"): void {
  const bin = emptyFolder();
  writeFileSync(join(bin, "sudo"), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  writeFileSync(join(bin, "systemctl"), "#!/bin/sh\n", { mode: 0o755 });
  const steps = stdout.slice(stdout.indexOf(heading) + heading.length);
  const { status, stderr } = spawnSync("/bin/sh", ["-e", "-c", steps], {
    env: { PATH: `${bin}:/usr/bin:/bin` },
    encoding: "utf8",
    timeout: 10_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
}

test("enable finds a system-level unit, prints commands that make it load the module, and disable undoes that", async () => {
  const { folder, env } = systemUnit(
    `${START}\nEnvironment="NODE_OPTIONS=--max-old-space-size=4096 --title=\\"it's\\""`,
  );
  const enable = await command(["enable"], { env });
  expect(enable.stderr).toContain(`enable: for systemd-system, because ${join(folder, UNIT)} exists`);
  expect(enable.stdout).toContain("sudo systemctl restart openclaw-gateway.service");
  expect(readdirSync(folder)).toEqual([UNIT]);
  expect(await services({ env })).toEqual([
    1,
    "warning: openclaw-gateway.service (system-level) starts without the module: run openclaw-event-isolation enable --for systemd-system",
  ]);

  paste(enable.stdout);
  const dropIn = join(folder, `${UNIT}.d/zz-event-isolation.conf`);
  expect(readFileSync(dropIn, "utf8")).toContain(
    `Environment="NODE_OPTIONS=--max-old-space-size=4096 --title=\\"it's\\" --import=${register()}"`,
  );
  expect(await services({ env })).toEqual([0, "ok: openclaw-gateway.service (system-level) starts with the module"]);
  expect((await command(["enable"], { env })).stdout).toBe(
    `systemd-system: openclaw-gateway.service\nnote: unchanged: ${dropIn}\n`,
  );

  writeFileSync(join(folder, UNIT), `[Service]\n${START}\n`);
  expect((await services({ env }))[1]).toMatch(/^warning: the drop-in of .* is outdated: run .*--for systemd-system$/);

  paste((await command(["disable"], { env })).stdout);
  expect(existsSync(dropIn)).toBe(false);
  expect((await command(["disable"], { env })).stdout).toContain("nothing to remove");
});

test("doctor reads the drop-ins of a system-level unit and its EnvironmentFile, of a profile too", async () => {
  const file = join(emptyFolder(), "gateway.env");
  writeFileSync(file, `NODE_OPTIONS='--import=${register()}'\n`);
  const unit = "openclaw-gateway-work.service";
  const { folder, env } = systemUnit(START, unit);
  mkdirSync(join(folder, `${unit}.d`));
  const override = join(folder, `${unit}.d/override.conf`);
  const ofWork = { env: { ...env, OPENCLAW_PROFILE: "work" } };
  writeFileSync(override, `[Service]\nEnvironment="NODE_OPTIONS=--import=${register()}"\n`);
  expect((await services(ofWork))[1]).toMatch(/^ok: openclaw-gateway-work\.service \(system-level\) starts with/);
  writeFileSync(override, `[Service]\nEnvironmentFile=${file}\n`);
  expect((await services(ofWork))[1]).toMatch(/^ok: /);
  writeFileSync(file, "NODE_OPTIONS=--trace-warnings\n");
  expect((await services(ofWork))[1]).toMatch(/^warning: .* starts without the module/);
  expectFailure(await command(["enable"], ofWork), 2, /gateway\.env, an EnvironmentFile of .* overrides any drop-in/);
  writeFileSync(override, "[Service]\nUnsetEnvironment=NODE_OPTIONS\n");
  expect((await services(ofWork))[1]).toMatch(/^warning: .* starts without the module/);
  expect(await services({ env })).toEqual([0]);
});

test("a unit whose command loads the module by itself starts with it, by a flag, by run or in a script", async () => {
  const folder = emptyFolder();
  const script = (name: string, line: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
    return path;
  };
  const gateway = "/opt/openclaw/openclaw.mjs gateway";
  const starts = [
    ["ok", `/usr/bin/env true --import=${register()} ${gateway}`],
    ["ok", `/usr/bin/env true --import ${register()} ${gateway}`],
    ["ok", "/usr/local/bin/openclaw-event-isolation run -- gateway"],
    ["ok", script("run.sh", "exec openclaw-event-isolation run -- gateway --port 18789")],
    ["ok", script("flag.sh", `exec node --import="${register()}" ${gateway}`)],
    ["warning", script("plain.sh", `exec node ${gateway}`)],
    ["warning", script("comment.sh", `# openclaw-event-isolation run\nexec node ${gateway}`)],
    ["warning", "/usr/local/bin/openclaw-event-isolation status --watch"],
  ] as const;
  for (const [level, start] of starts) {
    const { env } = systemUnit(`ExecStart=${start}`);
    const [, found = "nothing"] = await services({ env });
    expect([start, (found as string).split(":")[0]]).toEqual([start, level]);
  }
});

test("a system-level unit that runs Bun is a warning, and a user's unit is reported next to it", async () => {
  const { env } = systemUnit("ExecStart=/opt/bun/bin/bun /opt/openclaw/openclaw.mjs gateway");
  const home = emptyFolder();
  const units = join(home, ".config/systemd/user");
  mkdirSync(units, { recursive: true });
  writeFileSync(join(units, UNIT), `[Service]\n${START}\n`);
  await command(["enable", "--for", "systemd"], { home, env });
  expect(await services({ home, env })).toEqual([
    1,
    "ok: openclaw-gateway.service starts with the module",
    expect.stringMatching(
      /^warning: openclaw-gateway\.service \(system-level\): the unit runs Bun .*: set its ExecStart=/,
    ),
  ]);
  expect((await command(["enable"], { home, env })).stderr).toContain("enable: for systemd, because");
});

test("enable --for systemd-system says that there is no such unit", async () => {
  const env = { SYSTEMD_UNIT_PATH: emptyFolder() };
  expectFailure(
    await command(["enable", "--for", "systemd-system"], { env }),
    2,
    /no unit openclaw-gateway\.service in/,
  );
});

test("the line for Windows names a path with blanks as a batch file needs it, and keeps other options", async () => {
  const path = "C:\\Users\\A B\\AppData\\Roaming\\npm\\node_modules\\openclaw-event-isolation\\dist\\register.js";
  const { href } = pathToFileURL(path, { windows: true });
  const { steps, title } = windowsPlan(true, { HOME: "/home/me" }, `--import=${href}`);
  expect(steps).toEqual([
    'set "NODE_OPTIONS=%NODE_OPTIONS% --import=file:///C:/Users/A%%20B/AppData/Roaming/npm/node_modules/openclaw-event-isolation/dist/register.js"',
  ]);
  expect(title).toContain(join("/home/me/.openclaw/gateway.cmd"));
  // What cmd.exe makes of the line while no other option is set: Node takes the blank before it, and a path without one.
  const given = steps[0]!.slice('set "NODE_OPTIONS='.length, -1).replace("%NODE_OPTIONS%", "").replaceAll("%%", "%");
  expect(given).toBe(` --import=${href}`);
  const { status } = spawnSync(process.execPath, ["--version"], { env: { NODE_OPTIONS: " --no-warnings" } });
  expect(status).toBe(0);
});

test("enable --for windows prints the line, and doctor reads the file that the Scheduled Task starts", async () => {
  const home = emptyFolder();
  mkdirSync(join(home, ".openclaw"));
  const script = join(home, ".openclaw/gateway.cmd");
  const start = '"C:\\Program Files\\nodejs\\node.exe" C:\\openclaw\\dist\\index.js gateway --port 18789\r\n';
  writeFileSync(script, `@echo off\r\n${start}`);
  const enable = await command(["enable", "--for", "windows"], { home });
  expect(enable.stdout).toContain(`windows: add this line to ${script}, before the line that starts Node`);
  expect(enable.stdout).toContain('the Scheduled Task "OpenClaw Gateway" starts that file');
  expect(await services({ home })).toEqual([
    1,
    `warning: the Scheduled Task "OpenClaw Gateway" (${script}) starts without the module: run openclaw-event-isolation enable --for windows`,
  ]);
  const line = /^ {2}(set .*)$/m.exec(enable.stdout)![1]!;
  writeFileSync(script, `@echo off\r\n${line}\r\n${start}`);
  expect((await services({ home }))[1]).toMatch(/^ok: the Scheduled Task "OpenClaw Gateway" starts with the module/);
  expect((await command(["disable", "--for", "windows"], { home })).stdout).toContain(line);
});

test("doctor reads launchd's plist, and the wrapper that it starts", async () => {
  const home = emptyFolder();
  const agents = join(home, "Library/LaunchAgents");
  mkdirSync(agents, { recursive: true });
  const wrapper = join(home, "openclaw-isolated");
  const plist = (inside: string): void =>
    writeFileSync(
      join(agents, "ai.openclaw.gateway.plist"),
      `<plist version="1.0"><dict><key>ProgramArguments</key><array>${inside}</array></dict></plist>\n`,
    );
  plist("<string>/usr/bin/env</string><string>gateway</string>");
  const [code, said] = await services({ home });
  expect(code).toBe(1);
  expect(said).toMatch(/^warning: launchd's ai\.openclaw\.gateway \(.*\.plist\) starts without .*--for launchd$/);
  writeFileSync(wrapper, `#!/bin/sh\nexec node "--import=${register()}" openclaw.mjs "$@"\n`);
  plist(`<string>${wrapper}</string><string>gateway</string>`);
  expect((await services({ home }))[1]).toMatch(/^ok: launchd's ai\.openclaw\.gateway starts with the module/);
});

test("enable --for pm2 prints the command line with the installed openclaw, and disable the way back", async () => {
  const enable = await command(["enable", "--for", "pm2"]);
  expect(enable.stdout).toMatch(
    new RegExp(
      `^  pm2 start "/.*/openclaw\\.mjs" --name openclaw --node-args="--import=${register()}" -- gateway run$`,
      "m",
    ),
  );
  const disable = await command(["disable", "--for", "pm2"]);
  expect(disable.stdout).toMatch(
    /^ {2}pm2 delete openclaw\n {2}pm2 start "\/.*\/openclaw\.mjs" --name openclaw -- gateway run$/m,
  );
});

test("doctor reads the apps that pm2 save has written: in cluster mode NODE_OPTIONS do not count", async () => {
  const home = emptyFolder();
  mkdirSync(join(home, ".pm2"));
  const app = {
    name: "gw",
    pm_exec_path: join(madeUp("2026.9.6", ""), "openclaw.mjs"),
    args: ["gateway", "run"],
    exec_mode: "cluster_mode",
    env: { NODE_OPTIONS: `--import=${register()}` },
  };
  const saved = (...apps: object[]): void => writeFileSync(join(home, ".pm2/dump.pm2"), JSON.stringify(apps));
  saved(app, { ...app, name: "other", args: ["status"] }, { name: "a web server" });
  expect(await services({ home })).toEqual([
    1,
    `warning: pm2's gw (${join(home, ".pm2/dump.pm2")}) starts without the module: run openclaw-event-isolation enable --for pm2`,
  ]);
  saved({ ...app, exec_mode: "fork_mode" }, { ...app, name: "by flag", node_args: [`--import=${register()}`] });
  expect(await services({ home })).toEqual([
    0,
    expect.stringMatching(/^ok: pm2's gw starts with the module/),
    expect.stringMatching(/^ok: pm2's by flag starts with the module/),
  ]);
});

test("doctor warns of an openclaw in PATH that runs Bun, and not of one that runs Node", async () => {
  const home = emptyFolder();
  const openclaw = madeUp("2026.9.6", ALL);
  const warned = async (script: string): Promise<boolean> => {
    writeFileSync(join(home, "openclaw"), script, { mode: 0o755 });
    const env = { PATH: `${home}:${PLAIN_PATH}` };
    const { code, stdout } = await command(["doctor", "--no-gateway", "--openclaw", openclaw], { home, env });
    const found = /^WARNING +bun +\S+openclaw runs Bun.* unprotected: use openclaw-event-isolation run/m.test(stdout);
    expect(code).toBe(found ? 1 : 0);
    return found;
  };
  expect(await warned("#!/usr/bin/env bun\nimport './openclaw.mjs';\n")).toBe(true);
  expect(await warned('#!/bin/sh\nexec /opt/bun/bin/bun run "/opt/openclaw/openclaw.mjs" "$@"\n')).toBe(true);
  expect(await warned('#!/bin/sh\n# not bun\nexec node /opt/bun/openclaw.mjs "$@"\n')).toBe(false);
});
