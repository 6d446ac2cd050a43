/** The real gateway behind pm2, in both of its modes, in a home of its own. */
import { execFile } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { fromNpm } from "../support/from-npm.ts";
import { baseConfig } from "../support/gateway/gateway-config.ts";
import { freePort } from "../support/gateway/gateway.ts";
import { type Model, startModel } from "../support/gateway/model.ts";
import { killTree } from "../support/gateway/process-tree.ts";
import { ensureRelease, type Release } from "../support/gateway/release.ts";
import { connectRaw, type Endpoint, type RawClient } from "../support/wire/clients.ts";
import { PROGRAM_MS } from "../support/within.ts";

const run = promisify(execFile);
const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const MODULE = `--import=${pathToFileURL(join(REPOSITORY, "dist/register.js")).href}`;
/** In the log of a gateway that has the module: once for each process to which it attaches. */
const ATTACHED = /\[event-isolation\] heartbeats: /g;

let program: string;
let release: Release;
let model: Model;

beforeAll(async () => {
  program = join(await fromNpm({ pm2: "7.0.4" }), "node_modules/pm2/bin/pm2");
  release = await ensureRelease("2026.2.9");
  model = await startModel();
});

afterAll(() => model?.close());

/** A home with pm2's daemon in it, which runs already and knows nothing of the module. */
class Pm2 {
  readonly home = realpathSync(mkdtempSync(join(tmpdir(), "event-isolation-pm2-")));
  readonly #env = {
    PATH: process.env["PATH"]!,
    HOME: this.home,
    PM2_HOME: join(this.home, "pm2"),
    // Otherwise the daemon asks for newer versions of pm2.
    PM2_DISABLE_VERSION_CHECK: "true",
    OPENCLAW_STATE_DIR: this.home,
    OPENCLAW_CONFIG_PATH: join(this.home, "openclaw.json"),
    OPENCLAW_SKIP_CHANNELS: "1",
    OPENCLAW_NO_RESPAWN: "1",
    OPENCLAW_DISABLE_BONJOUR: "1",
    NO_COLOR: "1",
  };

  async do(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const { stdout } = await run(process.execPath, [program, ...args], {
      cwd: this.home,
      env: { ...this.#env, ...env },
      timeout: PROGRAM_MS,
    });
    return stdout;
  }

  /** Starts the gateway as an app of pm2. @returns it, once it answers */
  async start(options: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Endpoint> {
    const port = await freePort();
    const token = "t";
    writeFileSync(
      join(this.home, "openclaw.json"),
      JSON.stringify(baseConfig({ port, token, stateDir: this.home, model })),
    );
    const app = ["--name", "openclaw", "--no-autorestart", "--no-vizion"];
    await this.do(["start", release.entry, ...app, ...options, "--", "gateway", "run", "--port", String(port)], env);
    const gateway = { url: `ws://127.0.0.1:${port}`, token, release };
    for (const until = Date.now() + 60_000; ; await sleep(200)) {
      try {
        await (await connectRaw(gateway, { timeoutMs: 5_000 })).close();
        return gateway;
      } catch (error) {
        if (Date.now() > until)
          throw new Error(`no gateway behind pm2: ${this.log("out")}${this.log("error")}`, { cause: error });
      }
    }
  }

  /** What the app wrote, or with `daemon` pm2 itself. */
  log(kind: "out" | "error" | "daemon"): string {
    const files = globSync(kind === "daemon" ? "pm2.log" : `logs/openclaw-${kind}*.log`, {
      cwd: join(this.home, "pm2"),
    });
    return files.map((file) => readFileSync(join(this.home, "pm2", file), "utf8")).join("");
  }

  /** What doctor reports about the saved apps. */
  async doctor(): Promise<string> {
    await this.do(["save"]);
    const args = ["doctor", "--no-gateway", "--openclaw", release.dir];
    const doctor = run(process.execPath, [join(REPOSITORY, "dist/cli.js"), ...args], {
      env: this.#env,
      timeout: PROGRAM_MS,
    });
    // It ends with 1 for a warning.
    const { stdout } = await doctor.catch((error: { stdout: string }) => error);
    return /^.* service .*$/m.exec(stdout)?.[0] ?? stdout;
  }

  /** Ends the daemon, if it still runs, with all that it started. */
  kill(): void {
    const pid = join(this.home, "pm2/pm2.pid");
    if (existsSync(pid)) killTree(Number(readFileSync(pid, "utf8")));
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function pm2(): Promise<Pm2> {
  const daemon = new Pm2();
  const kill = (): void => daemon.kill();
  process.once("exit", kill);
  onTestFinished(async () => {
    await daemon.do(["kill"]).catch(() => undefined);
    daemon.kill();
    process.off("exit", kill);
  });
  await daemon.do(["ping"]);
  return daemon;
}

/** Has one client talk in a session and another one only listen. @returns the events of the run that each got */
async function talk(gateway: Endpoint): Promise<{ user: number; bystander: number }> {
  const clients: RawClient[] = [];
  onTestFinished(async () => void (await Promise.all(clients.map((each) => each.close()))));
  for (const name of ["user", "bystander"]) clients.push(await connectRaw(gateway, { name }));
  const [user, bystander] = clients as [RawClient, RawClient];
  const { runId } = await user.chat("agent:main:web:a", "hello");
  await user.final(runId);
  // Frames before this answer have come by now.
  await bystander.request("sessions.list", { limit: 1 });
  const of = (client: RawClient): number => client.frames.filter(({ json }) => json.includes(runId)).length;
  return { user: of(user), bystander: of(bystander) };
}

test.each([
  { mode: "fork", options: [] },
  { mode: "cluster", options: ["-i", "1"] },
])(
  "in pm2's $mode mode --node-args loads the module into the gateway and into nothing else",
  async ({ mode, options }) => {
    const daemon = await pm2();
    const gateway = await daemon.start([`--node-args=${MODULE}`, ...options]);
    expect(await daemon.do(["show", "openclaw"])).toContain(`${mode}_mode`);
    const { user, bystander } = await talk(gateway);
    expect(user).toBeGreaterThan(0);
    expect(bystander).toBe(0);
    expect(daemon.log("out").match(ATTACHED)).toHaveLength(1);
    expect(daemon.log("daemon")).not.toContain("[event-isolation]");
    expect(await daemon.doctor()).toMatch(/^ok +service +pm2's openclaw starts with the module/);
  },
);

test.each([
  { mode: "fork", options: [], protects: true },
  { mode: "cluster", options: ["-i", "1"], protects: false },
])("in pm2's $mode mode NODE_OPTIONS of pm2 start reaches the gateway: $protects", async ({ options, protects }) => {
  const daemon = await pm2();
  const gateway = await daemon.start(options, { NODE_OPTIONS: MODULE });
  const { user, bystander } = await talk(gateway);
  expect(user).toBeGreaterThan(0);
  const attached = /\[event-isolation\]/.test(daemon.log("out"));
  const known = (await daemon.doctor()).startsWith("ok");
  expect({ protects: bystander === 0, attached, known }).toEqual({ protects, attached: protects, known: protects });
});
