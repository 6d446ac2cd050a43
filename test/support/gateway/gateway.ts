/** A real gateway process in a temporary home, ready for requests. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { connectRaw, type Endpoint } from "../wire/clients.ts";
import { baseConfig, merge, type Config } from "./gateway-config.ts";
import type { Model } from "./model.ts";
import { descendantsOf, killAll, killTree } from "./process-tree.ts";
import type { Release } from "./release.ts";
import { prepareStaging } from "./staging.ts";
import { closed, listen, within } from "../within.ts";

export type GatewayOptions = {
  readonly release: Release;
  readonly model: Model;
  /** Path of a module to preload, as `node --import` does. */
  readonly preload?: string | undefined;
  readonly preloadVia?: "flag" | "NODE_OPTIONS" | undefined;
  /** Folder to start it in; bare package names in `preload` resolve from here. */
  readonly cwd?: string | undefined;
  /** Merged into the base config, deep; arrays and other values replace. */
  readonly config?: Config | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Folder to use and to keep; otherwise a temporary one. */
  readonly stateDir?: string | undefined;
  readonly port?: number | undefined;
  /** The token that it asks for; by default a random one. */
  readonly token?: string | undefined;
  /** The Node to run it with; by default the one of this process. */
  readonly node?: string | undefined;
  /** Wait for the process to exit instead of for it to be ready. */
  readonly expectExit?: boolean | undefined;
  /** More arguments after `gateway run --port P`. */
  readonly args?: readonly string[] | undefined;
  readonly bootTimeoutMs?: number | undefined;
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Gateway = Endpoint & {
  readonly port: number;
  readonly pid: number;
  /** Home, config and state are in here. */
  readonly stateDir: string;
  readonly configPath: string;
  /** From the start of the process until it answered a request, or ended. */
  readonly bootMs: number;
  /** Everything that it wrote to stdout and stderr. */
  logs(): string;
  readonly exited: Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, after 10 s SIGKILL; ends its descendants and removes a temporary folder. */
  stop(): Promise<void>;
};

const INHERITED = ["PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "SHELL"];
const PORT_TAKEN = /EADDRINUSE|already listening on|port \d+ is already in use/i;
/** From 2026.9 on a gateway gives its lease five seconds, which are not enough on a machine with too much to do. */
const LEASE_LATE = /state lease heartbeat did not become ready/;
/** 2026.9 boots in 15 s, and on a machine with too much to do in more than 90. */
const BOOT_TIMEOUT_MS = 150_000;
const living = new Set<number>();

process.on("exit", () => {
  for (const pid of living) killTree(pid);
});

/** Starts a gateway and waits until it answers requests, or with `expectExit` until it has ended. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  try {
    return await boot(options);
  } catch (error) {
    // Another process may take a free port between our asking for it and the gateway's binding it.
    if (options.port === undefined && PORT_TAKEN.test(String(error))) return await boot(options);
    if (LEASE_LATE.test(String(error))) return await boot(options);
    throw error;
  }
}

async function boot(options: GatewayOptions): Promise<Gateway> {
  const port = options.port ?? (await freePort());
  const token = options.token ?? randomUUID();
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), "openclaw-test-")));
  const configPath = join(stateDir, "openclaw.json");
  await mkdir(join(stateDir, "workspace"), { recursive: true });
  // What an earlier gateway or command wrote into a folder that is used again stays, `plugins install` for one.
  const before = JSON.parse(await readFile(configPath, "utf8").catch(() => "{}")) as Config;
  const staging = await prepareStaging(options.release, stateDir);
  const basic = merge(baseConfig({ port, token, stateDir, model: options.model }), staging.config ?? {});
  await writeFile(configPath, JSON.stringify(merge(merge(before, basic), options.config ?? {}), null, 2));
  const env = { ...staging.env, ...options.env };

  const startedAt = Date.now();
  const child = launch({ ...options, env, node: options.node ?? staging.node }, port, stateDir, configPath);
  const pid = pidOf(child);
  living.add(pid);

  let output = "";
  const collect = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
  };
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  let running = true;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", () => (running = false));
    // "close" comes after the last output, so that logs() is complete.
    child.once("close", (code, signal) => {
      living.delete(pid);
      resolve({ code, signal });
    });
  });

  let stopping: Promise<void> | undefined;
  async function terminate(): Promise<void> {
    if (running) {
      // Looked up now: what outlives its parent can no longer be found.
      const descendants = descendantsOf(pid);
      child.kill("SIGTERM");
      await Promise.race([exited, sleep(10_000, undefined, { ref: false })]);
      killAll(running ? [pid, ...descendants] : descendants);
      await Promise.race([exited, sleep(2000, undefined, { ref: false })]);
    }
    if (options.stateDir === undefined) await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
  }
  const stop = (): Promise<void> => (stopping ??= terminate());

  const endpoint: Endpoint = { url: `ws://127.0.0.1:${port}`, token, release: options.release };
  const timeoutMs = options.bootTimeoutMs ?? BOOT_TIMEOUT_MS;
  try {
    if (options.expectExit) await within(exited, "the gateway ends", timeoutMs);
    else await untilReady(endpoint, exited, timeoutMs);
  } catch (error) {
    await stop();
    const tail = output.split("\n").slice(-60).join("\n");
    throw new Error(`openclaw@${options.release.version}: ${(error as Error).message}\n${tail}`, { cause: error });
  }
  return {
    ...endpoint,
    port,
    pid,
    stateDir,
    configPath,
    bootMs: Date.now() - startedAt,
    logs: () => output,
    exited,
    signal: (signal) => void child.kill(signal),
    stop,
  };
}

function launch(options: GatewayOptions, port: number, stateDir: string, configPath: string): ChildProcess {
  const viaEnv = options.preload !== undefined && options.preloadVia === "NODE_OPTIONS";
  // As a URL, since NODE_OPTIONS splits at spaces.
  const preload =
    options.preload !== undefined && isAbsolute(options.preload)
      ? pathToFileURL(options.preload).href
      : options.preload;
  const flag = preload !== undefined && !viaEnv ? ["--import", preload] : [];
  const command = [...flag, options.release.entry, "gateway", "run", "--port", String(port), ...(options.args ?? [])];
  // A list of what to keep, since upstream acts differently under VITEST, and OPENCLAW_* of a developer would leak in.
  const kept = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return spawn(options.node ?? process.execPath, command, {
    cwd: options.cwd ?? stateDir,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...Object.fromEntries(kept),
      HOME: stateDir,
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_CONFIG_PATH: configPath,
      OPENCLAW_SKIP_CHANNELS: "1",
      OPENCLAW_NO_RESPAWN: "1",
      OPENCLAW_DISABLE_BONJOUR: "1",
      NO_COLOR: "1",
      ...(viaEnv ? { NODE_OPTIONS: `--import=${preload}` } : {}),
      ...options.env,
    },
  });
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`cannot start ${child.spawnfile}`);
  return child.pid;
}

async function untilReady(endpoint: Endpoint, exited: Promise<Exit>, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  const ended = exited.then(({ code, signal }) => {
    throw new Error(`ended while booting with ${signal ?? `code ${code}`}`);
  });
  ended.catch(() => undefined);
  for (;;) {
    try {
      await Promise.race([answersRequests(endpoint), ended]);
      return;
    } catch (error) {
      await Promise.race([sleep(100), ended]);
      if (Date.now() > deadline)
        throw new Error(`not ready after ${timeoutMs} ms (${(error as Error).message})`, { cause: error });
    }
  }
}

async function answersRequests(endpoint: Endpoint): Promise<void> {
  const client = await connectRaw(endpoint, { name: "readiness", timeoutMs: 5000 });
  try {
    await client.request("sessions.list", { limit: 1 }, { timeoutMs: 10_000 });
  } finally {
    await client.close();
  }
}

/** Asks the OS for a free loopback port. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await closed(server);
  return port;
}
