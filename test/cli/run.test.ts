import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { command, emptyFolder, expectFailure, installedCli, PLAIN_PATH } from "./command.ts";
import { PROGRAM_MS } from "../support/within.ts";

test("run passes on arguments, output and exit codes", async () => {
  const { version } = inject("openclaw");
  expect((await command(["run", "--", "--version"])).stdout).toContain(version);
  const wrong = await command(["run", "--", "gateway", "frobnicate"]);
  expect(wrong.code).toBe(1);
});

test("run names a wrong setting, in its file or in OpenClaw's configuration, and starts no gateway", async () => {
  const folder = emptyFolder();
  const [settings, config] = [join(folder, "settings.json"), join(folder, "openclaw.json")];
  const env = { OPENCLAW_CONFIG_PATH: config, OPENCLAW_STATE_DIR: folder };
  writeFileSync(settings, '{"scpoe":"run"}');
  writeFileSync(config, '{"gateway":{"mode":"local"}}');
  const fromFile = await command(["run"], { env: { ...env, OPENCLAW_EVENT_ISOLATION_CONFIG: settings } });
  expectFailure(fromFile, 78, /settings\.json: unknown setting "scpoe".*exits with code 78/);
  const entry = { config: { access: [{ sessions: "agent:main:*" }] } };
  writeFileSync(config, JSON.stringify({ plugins: { entries: { "event-isolation": entry } } }));
  expectFailure(await command(["run", "--", "gateway", "run"], { env }), 78, /"access\[0\]\.sessions" must be /);
  // OpenClaw resolves it; the command does not, and leaves the verdict to the gateway.
  const included = { config: { $include: "./isolation.json" } };
  writeFileSync(config, JSON.stringify({ plugins: { entries: { "event-isolation": included } } }));
  const { stderr } = await command(["run", "--", "gateway", "run", "--help"], { env });
  expect(stderr).not.toContain("$include");
});

test("run finds openclaw in PATH, npm's global folder, the local node_modules, or where it is told", async () => {
  const { version, dir } = inject("openclaw");
  const cli = join(inject("prefix"), "bin/openclaw-event-isolation");
  const project = emptyFolder();
  mkdirSync(join(project, "node_modules"));
  symlinkSync(dir, join(project, "node_modules/openclaw"));
  const below = join(project, "a/b");
  mkdirSync(below, { recursive: true });
  const asked = (args: readonly string[], cwd: string, env: Record<string, string> = {}) =>
    spawnSync(cli, ["run", ...args, "--", "--version"], {
      cwd,
      encoding: "utf8",
      env: { PATH: PLAIN_PATH, HOME: cwd, npm_config_prefix: join(cwd, "none"), ...env },
      timeout: PROGRAM_MS,
    }).stdout;
  expect(asked(["--openclaw", dir], emptyFolder())).toContain(version);
  expect(asked(["--openclaw", project], emptyFolder())).toContain(version);
  expect(asked([], below)).toContain(version);
  expect(asked([], emptyFolder(), { npm_config_prefix: inject("prefix") })).toContain(version);
  // A working folder may be one that an agent writes to: what it holds comes last.
  const planted = join(emptyFolder(), "node_modules/openclaw");
  mkdirSync(planted, { recursive: true });
  writeFileSync(join(planted, "package.json"), '{"name":"openclaw","version":"0.0.1"}');
  writeFileSync(join(planted, "openclaw.mjs"), 'console.log("planted");');
  expect(asked([], planted)).toContain("planted");
  expect(asked([], planted, { npm_config_prefix: inject("prefix") })).toContain(version);
});

test("run says whether openclaw or a Node.js that can load the module is missing", async () => {
  expectFailure(await command(["run", "--openclaw", emptyFolder()]), 2, /no openclaw package in .*--openclaw expects/);
  const old = join(emptyFolder(), "node");
  writeFileSync(old, "#!/bin/sh\necho v22.14.0\n", { mode: 0o755 });
  expectFailure(await command(["run", "--node", old]), 78, /Node 22\.14\.0 .* too old .* 22\.15\.0 or newer/);
  expectFailure(await command(["run", "--node", "/bin/true"]), 2, /\/bin\/true is not a Node\.js executable/);
});

test("run passes on a child's signals and exit code where a process cannot be replaced", async () => {
  const launch = join(installedCli(), "../cli/launch.js");
  expect(existsSync(launch)).toBe(true);
  const child = (script: string): string[] => [
    "--input-type=module",
    "-e",
    `const { standInFor } = await import(${JSON.stringify(launch)}); await standInFor(process.execPath, ["-e", ${JSON.stringify(script)}]);`,
  ];
  const ended = (script: string) => spawnSync(process.execPath, child(script), { encoding: "utf8", timeout: 20_000 });
  expect(ended("process.exit(78)").status).toBe(78);
  expect(ended("process.kill(process.pid, 'SIGKILL')").signal).toBe("SIGKILL");
  const asked =
    "process.on('SIGTERM', () => { console.log('asked'); process.exit(3); }); setInterval(() => {}, 1000); process.kill(process.ppid, 'SIGTERM');";
  expect(ended(asked)).toMatchObject({ status: 3, stdout: "asked\n" });
});
