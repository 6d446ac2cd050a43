/** A new user's way: install the plugin, run the gateway with the module, look at it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor.ts";
import type { IsolationStatus } from "../../src/status.ts";
import { openBed, type OpenBed } from "../support/gateway/bed.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { command, emptyFolder, installedCli, PLAIN_PATH } from "./command.ts";
import { PROGRAM_MS, within } from "../support/within.ts";

const { version, dir, entry } = inject("openclaw");
const PATH = `${inject("prefix")}/bin:${PLAIN_PATH}`;

/** With the plugin of the installed package; both cases use it, one after the other. */
let stateDir: string;

beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), "event-isolation-state-"));
  const plugin = join(inject("prefix"), "lib/node_modules/openclaw-event-isolation/plugin");
  const consent = capabilities({ version }).asksBeforeLocalPlugins ? ["--force", "--accept-capabilities"] : [];
  const { stdout, stderr } = spawnSync(
    join(inject("prefix"), "bin/openclaw"),
    ["plugins", "install", plugin, ...consent],
    {
      encoding: "utf8",
      timeout: PROGRAM_MS,
      env: {
        PATH,
        HOME: stateDir,
        OPENCLAW_STATE_DIR: stateDir,
        OPENCLAW_CONFIG_PATH: join(stateDir, "openclaw.json"),
        OPENCLAW_NO_RESPAWN: "1",
        npm_config_registry: "http://127.0.0.1:9",
      },
    },
  );
  expect(stdout + stderr).toContain("Installed plugin: event-isolation");
});

afterAll(() => rmSync(stateDir, { recursive: true, force: true, maxRetries: 5 }));

/** A Node script that is `openclaw-event-isolation run -- <its arguments>`. */
function runScript(): string {
  const file = join(emptyFolder(), "run.mjs");
  writeFileSync(file, `process.argv.splice(2, 0, "run", "--");\nawait import(${JSON.stringify(installedCli())});\n`);
  return file;
}

/** The command in the gateway's own home, so that it finds address and token by OpenClaw's configuration. */
const asUserOf = ({ gateway }: OpenBed, ...args: string[]) =>
  command(args, { env: { OPENCLAW_STATE_DIR: gateway.stateDir, OPENCLAW_CONFIG_PATH: gateway.configPath } });

const gatewayChecks = async (bed: OpenBed) => {
  const { checks, exitCode } = JSON.parse((await asUserOf(bed, "doctor", "--json")).stdout) as DoctorReport;
  return {
    exitCode,
    checks: checks.filter(({ name }) => name === "gateway").map(({ level, text }) => `${level}: ${text}`),
  };
};

test("run starts the gateway of PATH with the module, status and doctor confirm it, and it ends when told", async () => {
  const bed = await openBed(
    { version, dir, entry: runScript(), installed: false },
    { stateDir, env: { PATH, OPENCLAW_NO_RESPAWN: "" }, args: ["--verbose"] },
  );
  onTestFinished(() => bed.close());
  const [alice, bob] = [await bed.connect({ name: "alice" }), await bed.connect({ name: "bob" })];
  const { runId } = await alice.chat("agent:main:alice", "[[say id=ALICE n=4 delay=20]]");
  await alice.final(runId);
  await sleep(300);
  expect(alice.eventsWith("ALICE-").length).toBeGreaterThan(0);
  expect(bob.eventsWith("ALICE-")).toEqual([]);

  const shown = await asUserOf(bed, "status");
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout).toMatch(new RegExp(`on OpenClaw ${version}: attached\n`));
  expect(shown.stdout).toMatch(/^ {2}claims +1 on 1 sessions$/m);
  expect(shown.stdout).toMatch(/^ {4}chat .*delivered \d+/m);
  expect(shown.stdout).not.toContain("agent:main:alice");
  const withKeys = await asUserOf(bed, "status", "--sessions", "--json");
  const status = JSON.parse(withKeys.stdout) as IsolationStatus;
  expect(status).toMatchObject({ attached: true, sessionKeys: [{ key: "agent:main:alice", claimers: 1 }] });
  const { checks } = await gatewayChecks(bed);
  expect(checks).toEqual([expect.stringMatching(/^ok: ws:\/\/127\.0\.0\.1:\d+: attached/)]);

  // Bob only listens: named once in the log, and shown here.
  const named = (): string[] => bed.gateway.logs().match(/client gateway-client\/backend 0 only listens/g) ?? [];
  await vi.waitFor(() => expect(named()).toHaveLength(1), { timeout: 40_000, interval: 500 });
  const silent = JSON.parse((await asUserOf(bed, "status", "--json")).stdout) as IsolationStatus;
  const first = silent.connections!.find((each) => each.silent);
  expect(first).toMatchObject({ id: "gateway-client", mode: "backend", claims: 0, delivered: 0, device: false });
  expect(first?.observe).toEqual({ clientId: "gateway-client", mode: "backend" });
  expect(first?.withheld).toBe(silent.connections!.find(({ claims }) => claims === 1)?.delivered);
  expect((await asUserOf(bed, "status")).stdout).toMatch(/, SILENT\n(?:.*\n)* {2}NOTE: client gateway-client/);
  const doctor = JSON.parse((await asUserOf(bed, "doctor", "--json")).stdout) as DoctorReport;
  expect(doctor.checks.filter(({ name }) => name === "clients")).toEqual([
    { name: "clients", level: "info", text: expect.stringMatching(/^client gateway-client.* only listens/) as string },
  ]);
  expect(named()).toHaveLength(1);

  // It finds address and token in OpenClaw's configuration, too, and the release by the module's status.
  const probed = await asUserOf(bed, "probe", "--seconds", "1");
  expect(probed).toMatchObject({ code: 2, stdout: expect.stringContaining(`OpenClaw ${version}`) as string });

  bed.gateway.signal("SIGTERM");
  expect(await within(bed.gateway.exited, "the gateway ends")).toEqual({ code: 0, signal: null });
});

test("status and doctor report a gateway that runs without the module", async () => {
  const config = { plugins: { entries: { "event-isolation": { config: { onMissingPreload: "warn" } } } } };
  const bed = await openBed({ version, dir, entry, installed: false }, { stateDir, config });
  onTestFinished(() => bed.close());
  const { code, stdout } = await asUserOf(bed, "status");
  expect(code).toBe(1);
  expect(stdout).toContain("NOT ATTACHED");
  const { checks, exitCode } = await gatewayChecks(bed);
  expect(checks).toEqual([expect.stringMatching(/^error: .* runs WITHOUT the module/)]);
  expect(exitCode).toBe(2);
  const watched = await command(["status", "--watch", "0.2", "--json"], {
    env: { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_CONFIG_PATH: bed.gateway.configPath },
    endAfterLines: 2,
  });
  expect(
    watched.stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as IsolationStatus).attached),
  ).toEqual([false, false]);
});
