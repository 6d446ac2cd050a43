import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor.ts";
import { declaredBy } from "../../src/cli/survey.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { command, emptyFolder, expectFailure } from "./command.ts";
import { ALL_REQUIRED, madeUp } from "./made-up.ts";

/** A home with an OpenClaw configuration. */
function homeWith(config: string): string {
  const home = emptyFolder();
  mkdirSync(join(home, ".openclaw"));
  writeFileSync(join(home, ".openclaw/openclaw.json"), config);
  return home;
}

async function report(
  home: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<DoctorReport> {
  const { code, stdout } = await command(["doctor", "--json", "--no-gateway", ...args], { home, env });
  const parsed = JSON.parse(stdout) as DoctorReport;
  expect(parsed.exitCode).toBe(code);
  return parsed;
}

const levelOf = ({ checks }: DoctorReport, name: string): string[] =>
  checks.filter((check) => check.name === name).map(({ level, text }) => `${level}: ${text}`);

test("doctor finds all seams of the installed release and names their files", async () => {
  const { openclaw, seams, standDown, exitCode } = await report(emptyFolder());
  expect(openclaw.release).toBe(inject("openclaw").version);
  expect(exitCode).toBe(0);
  const broadcast = seams.find(({ name }) => name === "broadcast")!;
  expect(broadcast.found[0]!.function).toBe("createGatewayBroadcaster");
  // Older releases have it in more than one file.
  for (const file of broadcast.found[0]!.files) expect(file).toMatch(/^dist\/.*\.m?js$/);
  expect(broadcast.found[0]!.files).not.toEqual([]);
  const { preemptsHeartbeats, remapsCronEvents } = capabilities(inject("openclaw"));
  expect(standDown.map(({ name }) => name)).toEqual([
    ...(preemptsHeartbeats ? ["session-events"] : []),
    ...(remapsCronEvents ? ["cron-events"] : []),
    ...(preemptsHeartbeats ? ["heartbeat-preemption"] : []),
  ]);
});

test("doctor says what was measured of the release: what the module does there and what it does not", async () => {
  const measured = await report(emptyFolder(), ["--openclaw", madeUp("2026.2.9", ALL_REQUIRED)]);
  expect(levelOf(measured, "measured")).toContainEqual(expect.stringMatching(/^info: measured on .*fixes: isolation/));
  const newer = await report(emptyFolder(), ["--openclaw", madeUp("2027.1.1", ALL_REQUIRED)]);
  expect(levelOf(newer, "measured")).toEqual([
    "info: OpenClaw 2027.1.1 has not been measured with this version of the module",
  ]);
  expect(levelOf(newer, "release")).toContainEqual(expect.stringMatching(/^warning: OpenClaw 2027.1.1 is newer than/));
});

test("doctor reads settings, heartbeats of each agent and hooks from OpenClaw's JSON5", async () => {
  const openclaw = madeUp("2026.9.6", ALL_REQUIRED);
  const config = `{
    // as a user writes it
    agents: { defaults: { heartbeat: { every: '1h' } }, list: [{ id: 'main', heartbeat: {} }, { id: 'ops', heartbeat: { every: '5s' } }, { id: 'x' }] },
    hooks: { enabled: true, allowRequestSessionKey: true },
    plugins: { entries: { 'event-isolation': { config: { scpoe: 'run' } } } },
  }`;
  const wrong = await report(homeWith(config), ["--openclaw", openclaw]);
  expect(levelOf(wrong, "settings")).toEqual([expect.stringMatching(/^error: unknown setting "scpoe"/)]);
  expect(levelOf(wrong, "heartbeat")).toEqual([
    "ok: agent main: every 1h",
    expect.stringMatching(/agent ops: the heartbeat interval 5s/),
  ]);
  expect(levelOf(wrong, "hooks")).toEqual([expect.stringMatching(/^warning: .*allowedSessionKeyPrefixes/)]);
  expect(wrong.exitCode).toBe(2);

  const opened = config.replace(
    "scpoe: 'run'",
    "access: [{ match: { scope: 'operator.admin' }, sessions: ['*'] }, { sessions: ['agent:main:{deviceId}:*'] }]",
  );
  expect(levelOf(await report(homeWith(opened), ["--openclaw", openclaw]), "settings")).toEqual([
    expect.stringMatching(/^ok/),
    expect.stringMatching(/^warning: access\[0\] gives a connection more than the rules below it/),
  ]);

  const right = config
    .replace("scpoe", "scope")
    .replace("allowRequestSessionKey: true", "allowRequestSessionKey: false");
  const warned = await report(homeWith(right), ["--openclaw", openclaw]);
  expect(levelOf(warned, "settings")).toEqual([expect.stringMatching(/^ok/)]);
  expect(levelOf(warned, "heartbeat")[1]).toMatch(/^warning: agent ops: the heartbeat interval 5s is not longer than/);
  expect(warned.exitCode).toBe(1);

  const empty = right.replace("every: '5s'", "activeHours: { start: '08:00', end: '08:00' }");
  const [, ops] = levelOf(await report(homeWith(empty), ["--openclaw", openclaw]), "heartbeat");
  expect(ops).toMatch(/^warning: agent ops: heartbeat\.activeHours end when they begin \(08:00\)/);
});

test("doctor finds settings at the top level of OpenClaw's configuration, and leaves OpenClaw's own keys alone", async () => {
  const config = "{ observers: [{ clientId: 'board' }], roster: 'claimed', hooks: {}, cron: {}, gateway: {} }";
  const found = await report(homeWith(config), ["--openclaw", madeUp("2026.9.6", ALL_REQUIRED)]);
  expect(levelOf(found, "config")).toEqual([
    expect.stringMatching(/^ok/),
    expect.stringMatching(/^error: .*openclaw\.json has observers, roster at its top level, .*plugins\.entries/),
  ]);
  expect(found.exitCode).toBe(2);
});

test("doctor warns of a plugin that is installed but disabled", async () => {
  const home = homeWith("{ plugins: { entries: { 'event-isolation': { enabled: false } } } }");
  const openclaw = ["--openclaw", madeUp("2026.9.6", ALL_REQUIRED)];
  expect(levelOf(await report(home, openclaw), "plugin")).toEqual([]);
  mkdirSync(join(home, ".openclaw/extensions/event-isolation"), { recursive: true });
  expect(levelOf(await report(home, openclaw), "plugin")).toEqual([
    expect.stringMatching(/^warning: .* installed but disabled.*openclaw plugins enable event-isolation/),
  ]);
});

test("doctor lists the seams that it found only if asked", async () => {
  const args = ["doctor", "--no-gateway", "--openclaw", madeUp("2026.9.6", ALL_REQUIRED)];
  expect((await command(args)).stdout).not.toMatch(/createGatewayBroadcaster/);
  expect((await command([...args, "--seams"])).stdout).toMatch(/^ {2}broadcast +createGatewayBroadcaster in dist/m);
});

test("doctor predicts that a gateway without a required seam will refuse, and run refuses it", async () => {
  const openclaw = madeUp("2027.1.0", ALL_REQUIRED.replace("createGatewayBroadcaster", "createAnotherBroadcaster"));
  const found = await report(emptyFolder(), ["--openclaw", openclaw]);
  expect(levelOf(found, "release")[1]).toMatch(/^warning: OpenClaw 2027\.1\.0 is newer than the releases/);
  expect(levelOf(found, "seams")).toEqual([expect.stringMatching(/^error: .*no "broadcast" \(delivers events/)]);
  expect(found.exitCode).toBe(2);
  const listens = 'import { createServer } from "node:net";\ncreateServer().listen(0, () => console.log("listens"));\n';
  writeFileSync(join(openclaw, "openclaw.mjs"), listens);
  const { code, stdout, stderr } = await command(["run", "--openclaw", openclaw]);
  expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
  expect(stderr).toMatch(/cannot attach to OpenClaw 2027\.1\.0: it has no "broadcast"/);
});

test("doctor warns of a function that the release should declare and does not, and says what that means", async () => {
  const names = [...declaredBy("2026.9.6")];
  const without = (...gone: string[]) =>
    madeUp(
      "2026.9.6",
      names
        .filter((name) => !gone.includes(name))
        .map((name) => `function ${name}() {}\n`)
        .join(""),
    );
  const whole = await report(emptyFolder(), ["--openclaw", without()]);
  expect(levelOf(whole, "seams")).toEqual([expect.stringMatching(/^ok: \d+ found, including all required ones/)]);
  expect(whole.exitCode).toBe(0);
  const { checks, seams, exitCode } = await report(emptyFolder(), [
    "--openclaw",
    without("onAgentEvent", "peekSystemEventEntries"),
  ]);
  expect(checks).toContainEqual({
    name: "seams",
    level: "warning",
    text: "functions that this release should declare were not found: peekSystemEventEntries, onAgentEvent (so runs that no client's request started do not defer heartbeats); please report it",
  });
  expect(seams.filter(({ lost }) => lost.length > 0).map(({ name, lost }) => [name, ...lost])).toEqual([
    ["system-event-queues", "peekSystemEventEntries"],
    ["agent-events", "onAgentEvent"],
  ]);
  expect(exitCode).toBe(1);
});

test("doctor reports a missing package, an unreadable configuration and a broken settings file", async () => {
  expectFailure(await command(["doctor", "--openclaw", "/nowhere"]), 2, /no openclaw package in \/nowhere/);
  const bare = madeUp("2026.9.6", ALL_REQUIRED);
  const broken = await report(homeWith("{ agents: "), ["--openclaw", bare]);
  expect(levelOf(broken, "config")).toEqual([expect.stringMatching(/^error: .*openclaw\.json is not valid JSON5: /)]);
  expect(broken.exitCode).toBe(2);
  const folder = await report(emptyFolder(), ["--openclaw", bare], { OPENCLAW_CONFIG_PATH: "/" });
  expect(levelOf(folder, "config")).toEqual([expect.stringMatching(/^error: \/ cannot be read/)]);
  const settings = await report(emptyFolder(), ["--openclaw", bare], {
    OPENCLAW_EVENT_ISOLATION_CONFIG: join(bare, "none.json"),
  });
  expect(levelOf(settings, "settings")).toEqual([
    expect.stringMatching(/^error: .*none\.json: the settings cannot be read/),
  ]);
  const unbuilt = emptyFolder();
  cpSync(bare, unbuilt, { recursive: true });
  rmSync(join(unbuilt, "dist"), { recursive: true });
  expectFailure(
    await command(["doctor", "--openclaw", unbuilt]),
    2,
    /dist cannot be read: pass the folder of an installed openclaw package/,
  );
});
