/** Starting, restarting and stopping a protected gateway, and the processes around it. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { isolationRegister } from "../support/gateway/bed.ts";
import { type Endpoint, field } from "../support/wire/clients.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { answer, connect, converse, freshSession, offers, say, settle, traces } from "./contract.ts";
import { isolatedBed } from "./own-bed.ts";
import { PROGRAM_MS, within } from "../support/within.ts";

const run = promisify(execFile);
const { release } = inject("isolated");

/** One run that its own client sees whole and a bystander not at all. */
async function expectIsolated(gateway: Endpoint) {
  const session = freshSession();
  const [own, other] = [await connect(gateway), await connect(gateway)];
  expect(await converse(own, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
  await settle();
  expect(traces(other, session)).toEqual([]);
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "event-isolation-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("an in-process restart ends claims with their connections, and isolation goes on", async () => {
  const { gateway } = await isolatedBed({ config: { commands: { restart: true } } });
  const client = await connect(gateway, { scopes: ["operator.admin"] });
  await client.request("chat.history", { sessionKey: freshSession().key });
  // Which signal means a restart differs by release; those without the method take SIGUSR1.
  if (offers(client, "gateway.restart.request")) {
    await client.request("gateway.restart.request", { reason: "contract test", skipDeferral: true });
  } else {
    gateway.signal("SIGUSR1");
  }
  await within(client.closed, "the gateway closes the connection");
  await vi.waitFor(() => expectIsolated(gateway), { timeout: 60_000, interval: 500 });
  expect(() => process.kill(gateway.pid, 0), "the same process").not.toThrow();
  await expectIsolated(gateway);
});

test("two gateways in turn in one state directory are isolated by NODE_OPTIONS, and no child inherits the module", async () => {
  const stateDir = await temporaryFolder();
  const file = join(stateDir, "child-environment");
  for (const turn of [1, 2]) {
    const { gateway, close } = await isolatedBed({
      stateDir,
      preloadVia: "NODE_OPTIONS",
      config: { tools: { exec: { host: "gateway", security: "full", ask: "off" } } },
    });
    const session = freshSession();
    const client = await connect(gateway);
    await converse(
      client,
      session.key,
      `[[tool id=${session.id} cmd="echo ${turn} got [$NODE_OPTIONS] > ${file}" n=3]]`,
    );
    expect((await readFile(file, "utf8")).trim()).toMatch(
      new RegExp(`^${turn} got \\[((?!isolation|dist/register).)*\\]$`),
    );
    await expectIsolated(gateway);
    await close();
  }
});

test("the launcher's respawn keeps the module", async () => {
  // Without OPENCLAW_NO_RESPAWN the launcher may start the gateway as a child with flags of its own.
  const { gateway } = await isolatedBed({ env: { OPENCLAW_NO_RESPAWN: "" } });
  await expectIsolated(gateway);
});

test("SIGTERM during a stream ends the gateway, and a bystander receives no foreign frame on the way", async () => {
  const { gateway } = await isolatedBed();
  const session = freshSession();
  const [own, other] = [await connect(gateway), await connect(gateway)];
  const { runId } = await own.chat(session.key, say(session.id, 40, 100));
  await own.waitFor(
    (frame) => frame.event === "chat" && field(frame, "runId") === runId,
    PATIENCE_MS,
    "the first delta",
  );
  await own.request("chat.abort", { sessionKey: session.key, runId });
  const next = await own.chat(session.key, say(session.id, 40, 100));
  await own.waitFor((frame) => field(frame, "runId") === next.runId, PATIENCE_MS, "a frame of the next run");
  gateway.signal("SIGTERM");
  await gateway.stop();
  expect(traces(other, session)).toEqual([]);
});

test("openclaw commands other than gateway runs print and attach nothing", async () => {
  const home = await temporaryFolder();
  const environment = { PATH: process.env["PATH"], HOME: home, OPENCLAW_STATE_DIR: home, NO_COLOR: "1" };
  const version = (env: NodeJS.ProcessEnv) =>
    run(process.execPath, [release.entry, "--version"], { env, timeout: PROGRAM_MS });
  const plain = await version(environment);
  const preload = `--import=${pathToFileURL(isolationRegister()).href}`;
  const loaded = await version({ ...environment, NODE_OPTIONS: preload });
  expect([loaded.stdout, loaded.stderr]).toEqual([plain.stdout, plain.stderr]);
  const child = await run(process.execPath, ["-p", "Symbol.for('openclaw-event-isolation') in globalThis"], {
    timeout: PROGRAM_MS,
    env: { ...environment, NODE_OPTIONS: preload },
  });
  expect([child.stdout.trim(), child.stderr]).toEqual(["false", ""]);
});
