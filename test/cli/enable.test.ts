import { spawnSync } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { command, emptyFolder, expectFailure, installedCli, PLAIN_PATH } from "./command.ts";
import { ALL_REQUIRED, madeUp } from "./made-up.ts";

const UNIT = "openclaw-gateway.service";

/** As `openclaw gateway install` writes it, in what matters here. */
const unitText = (environment: string): string =>
  `[Unit]\nDescription=OpenClaw Gateway\n\n[Service]\nExecStart=/usr/bin/env true gateway\nRestart=always\n${environment}\n[Install]\nWantedBy=default.target\n`;

function homeWith(environment = "", unit = UNIT): { home: string; units: string } {
  const home = emptyFolder();
  const units = join(home, ".config/systemd/user");
  mkdirSync(units, { recursive: true });
  writeFileSync(join(units, unit), unitText(environment));
  return { home, units };
}

const register = (): string => `file://${join(installedCli(), "../register.js")}`;
const dropIn = (units: string, unit = UNIT): string => join(units, `${unit}.d/zz-event-isolation.conf`);

test("enable --dry-run shows the drop-in and writes nothing", async () => {
  const { home, units } = homeWith();
  const { code, stdout, stderr } = await command(["enable", "--dry-run"], { home });
  expect(code).toBe(0);
  expect(stderr).toContain(
    `enable: for systemd, because ${join(units, UNIT)} exists; --for systemd|systemd-system|launchd|windows|pm2|docker|shell chooses another`,
  );
  expect(stdout).toContain(`would write ${dropIn(units)}`);
  expect(stdout).toContain(`Environment="NODE_OPTIONS=--import=${register()}"`);
  expect(stdout).toContain("systemctl --user restart openclaw-gateway.service");
  expect(readdirSync(units)).toEqual([UNIT]);
});

test("enable keeps the unit's NODE_OPTIONS and is idempotent, and disable leaves nothing behind", async () => {
  const { home, units } = homeWith('Environment="NODE_OPTIONS=--max-old-space-size=4096 --title=\\"a b\\""\n');
  expect((await command(["enable"], { home })).code).toBe(0);
  const text = readFileSync(dropIn(units), "utf8");
  expect(text).toContain(
    `Environment="NODE_OPTIONS=--max-old-space-size=4096 --title=\\"a b\\" --import=${register()}"`,
  );
  expect((await command(["enable"], { home })).stdout).toContain("unchanged");
  expect(readFileSync(dropIn(units), "utf8")).toBe(text);

  // OpenClaw has installed its service anew, with another heap limit.
  writeFileSync(join(units, UNIT), unitText('Environment="NODE_OPTIONS=--max-old-space-size=8192"'));
  const doctor = ["doctor", "--no-gateway", "--openclaw", madeUp("2026.9.6", ALL_REQUIRED)];
  expect((await command(doctor, { home })).stdout).toMatch(/WARNING +service +.*outdated/);
  await command(["enable"], { home });
  expect(readFileSync(dropIn(units), "utf8")).toContain("=--max-old-space-size=8192 --import=");
  expect((await command(doctor, { home })).stdout).toMatch(/ok +service/);

  expect((await command(["disable"], { home })).stdout).toContain(`removed ${dropIn(units)}`);
  expect(readdirSync(units)).toEqual([UNIT]);
  expect((await command(["disable"], { home })).stdout).toContain("nothing to remove");
});

test("enable keeps other drop-ins and respects what they set: the last one wins, an empty one resets", async () => {
  const { home, units } = homeWith('Environment="NODE_OPTIONS=--max-old-space-size=1"');
  const folder = join(units, `${UNIT}.d`);
  mkdirSync(folder);
  writeFileSync(join(folder, "10-reset.conf"), "[Service]\nEnvironment=\n");
  writeFileSync(
    join(folder, "override.conf"),
    "[Service]\n# a comment\nEnvironment=A=1 \\\n  NODE_OPTIONS=--trace-warnings\n",
  );
  await command(["enable"], { home });
  expect(readFileSync(dropIn(units), "utf8")).toContain(`"NODE_OPTIONS=--trace-warnings --import=${register()}"`);
  await command(["disable"], { home });
  expect(readdirSync(folder).sort()).toEqual(["10-reset.conf", "override.conf"]);
});

test("enable writes to the unit of the profile, in XDG_CONFIG_HOME if it is set", async () => {
  const { home, units } = homeWith("", "openclaw-gateway-work.service");
  await command(["enable"], { home, env: { OPENCLAW_PROFILE: "work" } });
  expect(existsSync(dropIn(units, "openclaw-gateway-work.service"))).toBe(true);

  const config = join(emptyFolder(), "config");
  cpSync(units, join(config, "systemd/user"), { recursive: true });
  const { stdout } = await command(["enable", "--unit", "openclaw-gateway-work", "--dry-run"], {
    env: { XDG_CONFIG_HOME: config },
  });
  expect(stdout).toContain(`unchanged: ${dropIn(join(config, "systemd/user"), "openclaw-gateway-work.service")}`);
});

test("enable writes nothing and says so when the unit is missing or a drop-in would not help", async () => {
  expectFailure(
    await command(["enable", "--for", "systemd"]),
    2,
    /no unit openclaw-gateway\.service .*gateway install/,
  );
  const file = join(emptyFolder(), "gateway.env");
  writeFileSync(file, "NODE_OPTIONS='--trace-warnings'\n");
  const { home, units } = homeWith(`EnvironmentFile=-${file}`);
  expectFailure(await command(["enable"], { home }), 2, /gateway\.env, an EnvironmentFile .* overrides any drop-in/);
  const unset = homeWith("UnsetEnvironment=NODE_OPTIONS");
  expectFailure(await command(["enable"], { home: unset.home }), 2, /UnsetEnvironment/);
  expect(readdirSync(units)).toEqual([UNIT]);
});

test("enable prints instructions for Docker, the shell and launchd", async () => {
  const docker = await command(["enable", "--for", "docker"]);
  expect(docker.stdout).toMatch(/^ {2}RUN npm install --prefix \/opt\/isolation openclaw-event-isolation@/m);
  expect(docker.stdout).toMatch(/^ {2}ENV NODE_OPTIONS=/m);
  const shell = await command(["enable", "--for", "shell"]);
  expect(shell.stdout).toContain(`export NODE_OPTIONS="--import=${register()}\${NODE_OPTIONS:+ $NODE_OPTIONS}"`);
  const launchd = await command(["enable", "--for", "launchd"]);
  expect(launchd.stdout).toContain("launchd: ai.openclaw.gateway");
  expect(launchd.stdout).toContain(register());
});

test("systemd reads the drop-in as enable meant it", async ({ annotate, skip }) => {
  const systemd = ["/lib/systemd/systemd", "/usr/lib/systemd/systemd"].find((path) => existsSync(path));
  if (systemd === undefined) skip("there is no systemd here to ask");
  const { home, units } = homeWith('Environment="NODE_OPTIONS=--max-old-space-size=4096"');
  writeFileSync(join(units, "default.target"), `[Unit]\nWants=${UNIT}\n`);
  await command(["enable"], { home });
  // It refuses to do this as root.
  const nobody = process.getuid?.() === 0 ? 65_534 : undefined;
  const runtime = join(home, "run");
  mkdirSync(runtime, { mode: 0o700 });
  if (nobody !== undefined) chownSync(runtime, nobody, nobody);
  if (nobody !== undefined) spawnSync("chmod", ["-R", "a+rX", home, join(home, ".config")], { timeout: 10_000 });
  const { stdout, status } = spawnSync(systemd!, ["--user", "--test"], {
    env: { PATH: "/usr/bin:/bin", HOME: home, XDG_RUNTIME_DIR: runtime, SYSTEMD_LOG_TARGET: "console" },
    ...(nobody === undefined ? {} : { uid: nobody, gid: nobody }),
    encoding: "utf8",
    timeout: 20_000,
  });
  if (status !== 0) skip(`systemd --test does not run here (${status})`);
  await annotate(`asked ${systemd}`);
  expect(stdout).toContain(`DropIn Path: ${dropIn(units)}`);
  expect(stdout).toContain(`Environment: NODE_OPTIONS=--max-old-space-size=4096 --import=${register()}`);
});

test("enable and doctor say that a unit that runs Bun would be unprotected", async () => {
  for (const start of ["/opt/bun/bin/bun", "/usr/bin/env FOO=1 bun"]) {
    const { home, units } = homeWith();
    writeFileSync(join(units, UNIT), `[Service]\nExecStart=${start} /opt/openclaw/openclaw.mjs gateway\n`);
    expect((await command(["enable", "--dry-run"], { home })).stdout).toMatch(
      /^note: the unit runs Bun .*--runtime node/m,
    );
    await command(["enable"], { home });
    const doctor = await command(["doctor", "--no-gateway", "--openclaw", madeUp("2026.9.6", ALL_REQUIRED)], { home });
    expect(doctor.stdout).toMatch(/WARNING +service +.*the unit runs Bun .* unprotected/);
    expect(doctor.code).toBe(1);
  }
});

test("doctor finds the openclaw behind a shim of pnpm, and run starts it", async () => {
  const home = emptyFolder();
  const openclaw = madeUp("2026.9.6", ALL_REQUIRED);
  const shim = `#!/bin/sh\nbasedir=$(dirname "$0")\nexec node  "$basedir/${relative(home, join(openclaw, "openclaw.mjs"))}" "$@"\n`;
  writeFileSync(join(home, "openclaw"), shim, { mode: 0o755 });
  const env = { PATH: `${home}:${PLAIN_PATH}` };
  const doctor = await command(["doctor", "--no-gateway", "--json"], { home, env });
  expect(JSON.parse(doctor.stdout)).toMatchObject({ openclaw: { root: openclaw, release: "2026.9.6" } });
  expect((await command(["run"], { home, env })).stdout).toBe("a gateway\n");
});
