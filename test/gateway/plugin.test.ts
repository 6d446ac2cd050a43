/** The OpenClaw plugin, installed by `openclaw plugins install` from its tarball and from its folder. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from "vitest";
import type { IsolationStatus } from "../../src/status.ts";
import { isolationRegister, openBed, type BedOptions } from "../support/gateway/bed.ts";
import { type Client, connectRaw, type Endpoint } from "../support/wire/clients.ts";
import { type Config } from "../support/gateway/gateway-config.ts";
import { freePort, startGateway } from "../support/gateway/gateway.ts";
import type { MetricsReport } from "../support/fault/metrics-probe.ts";
import { startModel } from "../support/gateway/model.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { answer, connect, converse, freshSession, gateways, say, settle, traces } from "./contract.ts";
import { PROGRAM_MS, within } from "../support/within.ts";

const run = promisify(execFile);
const PLUGIN = fileURLToPath(new URL("../../plugin", import.meta.url));
const METRICS_PROBE = new URL("../support/fault/metrics-probe.ts", import.meta.url).href;
const { release } = inject("isolated");
const { asksBeforeLocalPlugins, givesStatusToReaders, sharesDiagnostics } = capabilities(release);

let scratch: string;
/** State folder with the plugin installed from its tarball. */
let installed: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "event-isolation-plugin-"));
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", scratch], { cwd: PLUGIN, timeout: PROGRAM_MS });
  const tarball = (await readdir(scratch)).find((name) => name.endsWith(".tgz"))!;
  installed = join(scratch, "state");
  await install(installed, join(scratch, tarball));
});

afterAll(() => rm(scratch, { recursive: true, force: true, maxRetries: 5 }));

/** Runs an OpenClaw command on a state folder. */
async function openclaw(stateDir: string, ...args: string[]) {
  const env = {
    PATH: process.env["PATH"],
    HOME: stateDir,
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_CONFIG_PATH: join(stateDir, "openclaw.json"),
    OPENCLAW_NO_RESPAWN: "1",
    NO_COLOR: "1",
    // A registry that does not answer: nothing of this may need one.
    npm_config_registry: "http://127.0.0.1:9",
  };
  return await run(process.execPath, [release.entry, ...args], { env, cwd: scratch, timeout: 100_000 });
}

async function install(stateDir: string, source: string): Promise<void> {
  const consent = asksBeforeLocalPlugins ? ["--force", "--accept-capabilities"] : [];
  const { stdout } = await openclaw(stateDir, "plugins", "install", source, ...consent);
  expect(stdout).toContain("Installed plugin: event-isolation");
}

const withSettings = (config: object): Config => ({ plugins: { entries: { "event-isolation": { config } } } });

/** Boots a gateway on the folder with the plugin; it is stopped with the test. */
async function pluginBed(settings: object, options: BedOptions = {}) {
  const { config, ...rest } = options;
  const bed = await openBed(release, {
    stateDir: installed,
    config: { ...config, ...withSettings(settings) },
    ...rest,
  });
  onTestFinished(() => bed.close());
  return bed;
}

/** A gateway that ends while booting, and what clients got of it that tried to connect all the time. */
async function endsAtStart(stateDir: string, settings: object) {
  const model = await startModel();
  const [port, token] = [await freePort(), "a-token-known-before"];
  const endpoint: Endpoint = { url: `ws://127.0.0.1:${port}`, token, release };
  const state = { over: false, connected: 0, attempts: 0 };
  const knocking = (async () => {
    while (!state.over) {
      state.attempts += 1;
      const client = await connectRaw(endpoint, { timeoutMs: 3_000 }).catch(() => undefined);
      if (client) state.connected += 1;
      await client?.close();
      await sleep(30);
    }
  })();
  try {
    const config = { gateway: { auth: { token } }, ...withSettings(settings) };
    const gateway = await startGateway({ release, model, stateDir, port, expectExit: true, config });
    const { code } = await within(gateway.exited, "the gateway ends");
    return { code, logs: gateway.logs(), state };
  } finally {
    state.over = true;
    await knocking;
    await model.close();
  }
}

const statusOf = async (client: Client) => (await client.request("isolation.status")) as unknown as IsolationStatus;

/** Has one client converse while another watches. @returns what the other saw of it */
async function seenByAnother(gateway: Endpoint, joined = () => connect(gateway)) {
  const session = freshSession();
  const [own, other] = [await joined(), await joined()];
  expect(await converse(own, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
  await settle();
  return traces(other, session);
}

test("a gateway with the plugin but no preload exits with 78 before a client connects, and without the plugin it leaks", async () => {
  expect((await seenByAnother(gateways().plain)).length).toBeGreaterThan(0);
  const folder = join(scratch, "from-folder");
  await install(folder, PLUGIN);
  const { code, logs, state } = await endsAtStart(folder, {});
  expect(logs).toMatch(/\[event-isolation\] this gateway was launched WITHOUT the preload.*--import=.*register\.js/);
  expect({ code, connected: state.connected }).toEqual({ code: 78, connected: 0 });
  expect(state.attempts).toBeGreaterThan(20);
});

test('a gateway with onMissingPreload "warn" runs unprotected and says so in its log, status and command', async () => {
  const bed = await pluginBed({ onMissingPreload: "warn" });
  const { gateway } = bed;
  expect(gateway.logs()).toContain("It runs UNPROTECTED because onMissingPreload is");
  // The bed's own clients: 2026.2 itself leaves gaps in its sequence numbers.
  expect((await seenByAnother(gateway, () => bed.connect())).length).toBeGreaterThan(0);
  const admin = await bed.connect({ scopes: ["operator.admin"] });
  expect(await statusOf(admin)).toMatchObject({ attached: false, release: release.version, seams: [] });
  const failure = await openclaw(installed, "isolation", "status").catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 1, stdout: expect.stringContaining("NOT ATTACHED") as string });
});

test("a gateway with the plugin and the preload offers settings, status by scope, the command and metrics", async () => {
  const port = await freePort();
  const observers = [{ clientId: "a-dashboard" }];
  const { gateway } = await pluginBed(
    { scope: "run", observers },
    {
      preload: isolationRegister(),
      config: { diagnostics: { enabled: true } },
      env: { NODE_OPTIONS: `--import=${METRICS_PROBE}`, OPENCLAW_TEST_METRICS_PORT: String(port) },
    },
  );
  expect(await seenByAnother(gateway)).toEqual([]);

  // scope "run": reading the history is not enough.
  const session = freshSession();
  const [starter, reader] = [await connect(gateway), await connect(gateway, { scopes: ["operator.read"] })];
  await reader.request("chat.history", { sessionKey: session.key });
  expect(await converse(starter, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
  await settle();
  expect(reader.frames.filter((frame) => frame.event === "chat")).toEqual([]);

  const admin = await connect(gateway, { scopes: ["operator.admin"] });
  const full = await statusOf(admin);
  expect(full).toMatchObject({
    schema: 1,
    release: release.version,
    attached: true,
    settings: { scope: "run", observers },
    gateway: {
      connections: expect.any(Number) as number,
      events: { chat: { delivered: expect.any(Number) as number } },
    },
  });
  expect(full.seams.find(({ name }) => name === "broadcast")).toMatchObject({ state: "attached", required: true });
  expect(full.seams.find(({ name }) => name === "broadcast")!.files[0]).toMatch(/^dist\/.*\.m?js$/);
  expect(full.sessionKeys).toContainEqual({ key: session.key, claimers: 2 });
  if (givesStatusToReaders) {
    const less = await statusOf(reader);
    expect(less).toMatchObject({ attached: true, settings: { scope: "run" } });
    expect(JSON.stringify(less)).not.toMatch(/agent:main:|a-dashboard/);
  } else {
    await expect(statusOf(reader), "2026.2 and 2026.5.7 give it to admins only").rejects.toThrow("operator.admin");
  }

  const text = await openclaw(installed, "isolation", "status");
  expect(text.stdout).toMatch(new RegExp(`on OpenClaw ${release.version.replaceAll(".", "\\.")}: attached\n`));
  expect(text.stdout).toContain("WARNING: observers are set");
  const json = JSON.parse((await openclaw(installed, "isolation", "status", "--json")).stdout) as IsolationStatus;
  expect(json.gateway!.events["chat"]!["delivered"]).toBeGreaterThan(0);

  const { metrics, diagnostics } = await vi.waitFor(
    async () => {
      const report = (await (
        await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) })
      ).json()) as MetricsReport;
      expect(report.metrics).toHaveProperty(["openclaw.event_isolation.events"]);
      return report;
    },
    { timeout: PATIENCE_MS, interval: 500 },
  );
  const attributes = { event: "chat", reason: "delivered" };
  const counted = metrics["openclaw.event_isolation.events"]!.find((point) => point.attributes["event"] === "chat");
  expect(counted).toMatchObject({ attributes, value: (await statusOf(admin)).gateway!.events["chat"]!["delivered"] });
  expect(metrics["openclaw.event_isolation.connections"]![0]!.value).toBeGreaterThan(2);
  if (sharesDiagnostics) {
    expect(diagnostics.at(-1)).toMatchObject({ type: "event-isolation.counters", gateway: { events: { chat: {} } } });
  }
});

test("the release itself refuses an ill-typed setting in plugins.entries by the manifest's schema", async () => {
  const stateDir = join(scratch, "from-folder");
  const path = join(stateDir, "openclaw.json");
  const config = JSON.parse(await readFile(path, "utf8")) as Config;
  await writeFile(path, JSON.stringify({ ...config, ...withSettings({ scope: "everybody" }) }));
  const failure = await openclaw(stateDir, "isolation", "status").catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 1 });
  const { stdout, stderr } = failure as { stdout: string; stderr: string };
  expect(stdout + stderr).toMatch(/plugins\.entries\.event-isolation\.config|event-isolation invalid config: scope/);
});
