/** `probe` on control gateways, with the module, and with a module that has one defect. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { type ProbeOptions, probeGateway } from "../../src/cli/probe-run.ts";
import type { GatewayReport, ProbeReport } from "../../src/report/shape.ts";
import { type OpenBed, openBed } from "../support/gateway/bed.ts";
import type { Defect } from "../support/fault/broken-policy.ts";
import type { Endpoint } from "../support/wire/clients.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { connect, freshSession, gateways, say } from "./contract.ts";
import { settingsFile } from "./own-bed.ts";
import { endOf } from "../support/within.ts";

const { plain, isolated } = gateways();
const COMMAND = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const DEFECTIVE = fileURLToPath(new URL("../support/fault/broken-policy.ts", import.meta.url));

/** Runs the command as a user does. */
function probe(args: readonly string[], token: string | undefined) {
  const env = { ...process.env, OPENCLAW_GATEWAY_TOKEN: token };
  const child = spawn(process.execPath, [COMMAND, "probe", ...args], { env });
  onTestFinished(() => void child.kill("SIGKILL"));
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (chunk) => (output[name] += String(chunk)));
  return { child, output, ended: endOf(child).then(({ code }) => code) };
}

/** The same without the command around it. */
function probeOf({ url, token }: Endpoint, more: Partial<ProbeOptions> = {}): Promise<GatewayReport> {
  const { signal } = new AbortController();
  const defaults = { agent: "main", message: "{token}", runTimeoutMs: 60_000, seconds: 3, signal };
  return probeGateway({ url, token, allowRuns: true, progress: () => {}, ...defaults, ...more });
}

/** The probe's sessions that are still there. */
async function leftSessions(gateway: Endpoint): Promise<string[]> {
  const client = await connect(gateway);
  const { sessions } = (await client.request("sessions.list", {})) as { sessions: { key: string }[] };
  return sessions.map(({ key }) => key).filter((key) => key.includes("isolation-probe"));
}

/** The probe's cron jobs that are still there. */
async function leftJobs(gateway: Endpoint): Promise<string[]> {
  const client = await connect(gateway);
  const { jobs } = (await client.request("cron.list", { includeDisabled: true })) as { jobs: { name: string }[] };
  return jobs.map(({ name }) => name).filter((name) => name.includes("isolation probe"));
}

test("an exchange of the probe tells the control gateway from the isolated one", async () => {
  const look = async (gateway: Endpoint) => {
    const file = await settingsFile({}); // some file that goes with the test
    const { output, ended } = probe([gateway.url, "--allow-runs", "--json", "--report", file], gateway.token);
    const code = await ended;
    const page = await readFile(file, "utf8");
    expect(output.stdout + output.stderr + page, "the token is nowhere").not.toContain(gateway.token);
    return { code, page, report: JSON.parse(output.stdout) as ProbeReport };
  };
  const [leaking, clean] = await Promise.all([look(plain), look(isolated)]);

  expect(leaking).toMatchObject({ code: 1, report: { version: 1, gateways: [{ verdict: "leak" }] } });
  const [published, scoped] = [leaking.report.gateways[0]!, clean.report.gateways[0]!];
  const got = (report: GatewayReport, connection: string, session: string) =>
    report.deliveries
      .filter((each) => report.connections[each.connection]!.name === connection)
      .filter((each) => report.sessions[each.session]!.name === session)
      .map(({ event, standing }) => `${event} ${standing}`);
  for (const session of ["A", "B"]) {
    expect(got(published, "bystander", session)).toEqual(expect.arrayContaining(["chat foreign", "agent foreign"]));
    // A status for everybody names the session if its time falls into the exchange.
    expect(got(scoped, "bystander", session).filter((each) => !each.endsWith(" named"))).toEqual([]);
    expect(got(scoped, session, session)).toEqual(expect.arrayContaining(["chat own", "agent own"]));
  }
  expect(leaking.page).toContain("✗ leak");

  expect(clean).toMatchObject({ code: 0, report: { gateways: [{ verdict: "no leak" }] } });
  expect(scoped.checks.filter(({ result }) => result !== "pass")).toEqual([]);
  expect(clean.page).toContain("✓ no leak");
  expect(await Promise.all([leftSessions(plain), leftSessions(isolated)])).toEqual([[], []]);
});

test("a listening probe finds the leak of what others do, or says what it cannot know", async () => {
  const look = async (gateway: Endpoint) => {
    const [client, session] = [await connect(gateway), freshSession()];
    await client.chat(session.key, say(session.id, 600, 100));
    // 2026.9 reports a run's first steps by events without words.
    const hasWords = ({ event, json }: { event: string; json: string }): boolean =>
      event === "chat" && json.includes(`${session.id}-0`);
    await client.waitFor(hasWords, 60_000, "the first words");
    const report = await probeOf(gateway, { allowRuns: false });
    await client.request("chat.abort", { sessionKey: session.key });
    return report;
  };
  const [leaking, silent] = await Promise.all([look(plain), look(isolated)]);
  expect(leaking).toMatchObject({ verdict: "leak", mode: "passive", sessions: [{ name: "other sessions" }] });
  expect(silent.verdict).toBe("inconclusive");
  expect([...new Set(silent.deliveries.map(({ standing }) => standing))].filter((each) => each !== "roster")).toEqual(
    [],
  );
  expect(silent.reasons[1]).toContain("--allow-runs");
});

test("an exchange with a cron job finds where the unprotected gateway reveals jobs and parents", async (context) => {
  const { events } = (await connect(plain)).hello.features;
  const [open, closed] = [await probeOf(plain, { allowCron: true }), await probeOf(isolated, { allowCron: true })];
  const got = ({ connections, sessions, deliveries }: GatewayReport, connection: string, session: string) =>
    deliveries
      .filter((each) => connections[each.connection]!.name === connection && each.standing === "foreign")
      .filter((each) => sessions[each.session]!.name === session)
      .flatMap(({ event, paths }) => paths.map((path) => `${event} ${path}`));
  const leaks = got(open, "bystander", "cron job");
  expect(leaks.filter((leak) => leak.startsWith("cron payload."))).not.toEqual([]);
  expect(closed).toMatchObject({ verdict: "no leak" });
  if (!events.includes("task")) return context.skip("this release has no task events and tells nothing of parents");
  expect(leaks).toContain("cron payload.job.payload.message");
  expect(leaks).toContain("task payload.task.childSessionKey");
  // With the words of A's last message too, unless A is in the middle of the next one.
  expect(got(open, "B", "A")).toContain("session.message payload.ancestorSessions[].key");
  expect([await leftJobs(plain), await leftJobs(isolated)]).toEqual([[], []]);
});

test("an interrupted probe ends its runs and removes its sessions", async () => {
  const message = "{token} [[say id={token} n=300 delay=100]]";
  const { child, output, ended } = probe([isolated.url, "--allow-runs", "--message", message], isolated.token);
  await vi.waitFor(async () => expect(await leftSessions(isolated)).toHaveLength(2), {
    timeout: PATIENCE_MS,
    interval: 300,
  });
  child.kill("SIGINT");
  expect(await ended).toBe(2);
  expect(output.stdout).toContain("inconclusive: it was interrupted");
  expect(await leftSessions(isolated)).toEqual([]);
});

describe("the probe on a module with a defect", () => {
  let bed: OpenBed;
  let file: string;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "event-isolation-defect-"));
    file = join(folder, "defect");
    await writeFile(file, "none");
    bed = await openBed(inject("isolated").release, { preload: DEFECTIVE, env: { OPENCLAW_TEST_DEFECT: file } });
    return async () => {
      await bed.close();
      await rm(folder, { recursive: true, force: true });
    };
  });

  const everybody = ["A", "B", "bystander", "left"];
  test.each<[Defect | "none", readonly string[]]>([
    ["none", []],
    ["agent events go to all", everybody],
    ["cron and task events go to all", everybody],
    ["one's claim is everybody's", everybody],
    ["leaving is ignored", ["left"]],
    ["targeted events pass", ["B", "roster"]],
  ])('the probe reports who is reached when the defect is "%s"', async (defect, reached) => {
    // Not by the contract's connect, which rightly fails on what a defect does to the numbers.
    const { hello } = await bed.connect();
    // Old releases send messages to nobody chosen: there is nothing to leak then.
    const leaks = defect !== "targeted events pass" || hello.features.events.includes("session.message");
    await writeFile(file, defect);
    const { connections, deliveries, verdict } = await probeOf(bed.gateway, { allowCron: defect.startsWith("cron") });
    const foreign = deliveries.filter(({ standing }) => standing === "foreign");
    const names = new Set(foreign.map(({ connection }) => connections[connection]!.name));
    // B sends in a child of A's session. Releases without tasks tell it nothing of its parent.
    const expected = hello.features.events.includes("task")
      ? reached
      : reached.filter((name) => name !== "B" || reached === everybody);
    // Upstream's opt-in cap, which two connections have, hides some of the defects from them.
    if (reached === everybody) for (const name of ["scoped cap", "roster"]) names.delete(name);
    const at = [...names].toSorted();
    expect({ at, verdict }).toEqual(
      leaks ? { at: expected, verdict: expected.length > 0 ? "leak" : "no leak" } : { at: [], verdict: "no leak" },
    );
  });
});

test("the probe reports a wrong token in one line", async () => {
  const { output, ended } = probe([isolated.url, "--allow-runs"], "wrong");
  expect(await ended).toBe(2);
  expect(output.stdout).toBe("");
  expect(output.stderr).toMatch(/^openclaw-event-isolation: [^\n]* refused this connection [^\n]*\n$/);
});
