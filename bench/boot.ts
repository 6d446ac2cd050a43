/** Part d: what the module adds to the start of a gateway. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "simple-statistics";
import { isolationRegister } from "../test/support/gateway/bed.ts";
import { connectRaw } from "../test/support/wire/clients.ts";
import { baseConfig } from "../test/support/gateway/gateway-config.ts";
import { freePort } from "../test/support/gateway/gateway.ts";
import { startModel, type Model } from "../test/support/gateway/model.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { cpuMs, stopProcess, track } from "./processes.ts";
import { atMost, type Options, type Part, progress, ratio } from "./report.ts";

const RELEASE = "2026.9.6";
const TARGET = 1.03;
const BOOT_TIMEOUT_MS = 120_000;

type Name = "unprotected" | "module";
type Boot = { readonly wall: number; readonly cpu: number };
type Setting = {
  readonly release: Release;
  readonly model: Model;
  readonly preload: readonly string[];
  /** TMPDIR of the gateway, with its compile cache. */
  readonly temporary: string;
};

export async function benchBoot({ quick }: Options): Promise<Part> {
  await using stack = new AsyncDisposableStack();
  const release = await ensureRelease(RELEASE);
  const model = await startModel();
  stack.defer(() => model.close());
  const setting = async (preload: readonly string[]): Promise<Setting> => {
    // A cache for each variant: in a shared one they would take turns in throwing out each other's
    // code of the modules that the loader changes, which no real gateway sees.
    const temporary = await mkdtemp(join(tmpdir(), "event-isolation-boot-"));
    stack.defer(() => rm(temporary, { recursive: true, force: true, maxRetries: 5 }));
    return { release, model, preload, temporary };
  };
  const settings: Record<Name, Setting> = {
    unprotected: await setting([]),
    module: await setting(["--import", isolationRegister()]),
  };
  const pairs = quick ? 5 : 11;
  const boots: Record<Name, Boot[]> = { unprotected: [], module: [] };
  // Pair 0 fills the compile caches.
  for (let pair = 0; pair <= pairs; pair += 1) {
    progress(pair === 0 ? "boot, warm-up pair" : `boot, pair ${pair} of ${pairs}`);
    const order: readonly Name[] = pair % 2 === 0 ? ["unprotected", "module"] : ["module", "unprotected"];
    for (const name of order) {
      const boot = await bootOnce(settings[name]);
      if (pair > 0) boots[name].push(boot);
    }
  }
  return part(boots);
}

/** Starts a gateway in a new state folder, stops it, and returns how long it took to be ready. */
async function bootOnce({ release, model, preload, temporary }: Setting): Promise<Boot> {
  const stateDir = await mkdtemp(join(temporary, "state-"));
  const port = await freePort();
  const token = randomUUID();
  const configPath = join(stateDir, "openclaw.json");
  await mkdir(join(stateDir, "workspace"));
  await writeFile(configPath, JSON.stringify(baseConfig({ port, token, stateDir, model })));
  const start = performance.now();
  const child = spawn(process.execPath, [...preload, release.entry, "gateway", "run", "--port", String(port)], {
    cwd: stateDir,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      LANG: process.env["LANG"],
      TMPDIR: temporary,
      HOME: stateDir,
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_CONFIG_PATH: configPath,
      OPENCLAW_SKIP_CHANNELS: "1",
      OPENCLAW_NO_RESPAWN: "1",
      OPENCLAW_DISABLE_BONJOUR: "1",
      NO_COLOR: "1",
    },
  });
  track(child);
  try {
    const boot = await new Promise<Boot>((resolve, reject) => {
      let output = "";
      const fail = (why: string): void =>
        reject(new Error(`openclaw@${release.version}: ${why} while booting\n${output.slice(-3000)}`));
      const timer = setTimeout(() => fail("timed out"), BOOT_TIMEOUT_MS);
      child.once("exit", (code) => fail(`ended with code ${code}`));
      child.once("error", reject);
      child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
        // Its own last word on the matter: no polling, which would cost the gateway time, too.
        if (!/\[gateway\] ready$/m.test(output)) return;
        child.stdout.removeAllListeners("data").resume();
        clearTimeout(timer);
        resolve({ wall: performance.now() - start, cpu: cpuMs(child.pid ?? 0) });
      });
    });
    await answers(`ws://127.0.0.1:${port}`, token, release);
    return boot;
  } finally {
    await stopProcess(child);
    await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Proves, outside of the measured time, that ready means ready. */
async function answers(url: string, token: string, release: Release): Promise<void> {
  const client = await connectRaw({ url, token, release });
  await client.request("sessions.list", { limit: 1 });
  await client.close();
}

function part(boots: Record<Name, Boot[]>): Part {
  const of = (name: Name, field: keyof Boot): number[] => boots[name].map((boot) => boot[field]);
  const pairs = (field: keyof Boot): number[] =>
    of("module", field).map((value, pair) => value / (of("unprotected", field)[pair] ?? Number.NaN));
  const row = (label: string, field: keyof Boot) => [
    label,
    (median(of("unprotected", field)) / 1000).toFixed(2),
    (median(of("module", field)) / 1000).toFixed(2),
    ratio(median(pairs(field))),
    ratio(Math.min(...pairs(field))),
    ratio(Math.max(...pairs(field))),
    ratio(Math.min(...of("module", field)) / Math.min(...of("unprotected", field))),
  ];
  return {
    id: "d",
    title: `Start of ${RELEASE} until it says that it is ready, ${boots.module.length} interleaved pairs`,
    tables: [
      {
        title: "medians, and ratios module/unprotected of the pairs",
        columns: ["", "unprotected s", "module s", "median ratio", "lowest", "highest", "of the fastest"],
        rows: [row("wall time", "wall"), row("CPU time", "cpu")],
      },
    ],
    targets: [
      atMost("boot wall time, median of the pairs' ratios", median(pairs("wall")), TARGET),
      atMost("boot CPU time, median of the pairs' ratios", median(pairs("cpu")), TARGET),
    ],
    notes: [
      "Each variant has a compile cache of its own, filled by a warm-up pair. CPU: gateway process, all threads.",
    ],
  };
}
