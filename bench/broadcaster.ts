/** Part b: the gateway's own broadcaster, unprotected, with upstream's opt-in cap, and with the module. */
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { scanPackage } from "../src/attach/loader.ts";
import { ensureRelease } from "../test/support/gateway/release.ts";
import type { BroadcasterVariant, Configured } from "./broadcaster-child.ts";
import { BROADCASTER } from "./captured.ts";
import { interleave, type Measurements, type Variant } from "./interleave.ts";
import {
  atMost,
  micros,
  type Options,
  type Part,
  progress,
  ratio,
  type Table,
  type Target,
  withSpread,
} from "./report.ts";
import { SIZES } from "./scene.ts";

type Measured = {
  readonly alone: Measurements;
  readonly growth: Measurements;
  readonly configured: Measurements | undefined;
};

const CONFIGURED: readonly Configured[] = ["observer", "10 rules", "1,000 rules", "scope run"];
const CONFIGURED_SIZES = [1, 20, 1000];

const RELEASES: Readonly<Record<string, readonly BroadcasterVariant[]>> = {
  "2026.9.6": ["unprotected", "opt-in", "module", "targeted"],
  // The cap is younger than these releases.
  "2026.5.7": ["unprotected", "module", "targeted"],
  "2026.2.9": ["unprotected", "module", "targeted"],
};

export async function benchBroadcaster(options: Options): Promise<Part> {
  if (options.compact) return compactPart(await measureCompact());
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const [version, variants] of Object.entries(RELEASES)) {
    progress(`broadcaster of ${version}`);
    const measured = await measure(version, variants, options);
    tables.push(tableOf(version, variants, measured));
    if (measured.configured) tables.push(configuredTable(version, measured.configured));
    targets.push(...(version === "2026.9.6" ? newestTargets(measured) : olderTargets(measured, version)));
  }
  return {
    id: "b",
    title: "The gateway's broadcaster with stub sockets, 1 subscriber, chat deltas of 300 bytes",
    tables,
    targets,
    notes: [
      "Each variant has its own process; they take turns in short rounds; ratios are medians over the rounds.",
      "Times are CPU time of the measuring thread. In brackets: the quarter of the rounds below, and above.",
      "observer: one more connection, which gets all sessions' events. Rules: only the last one fits.",
      "module/unprotected at 1 connection comes from processes that hold one broadcaster only, as a gateway does; the rest from ones that hold all sizes.",
      "All frames were counted: every connection got one from unprotected, only the subscriber from the others.",
      '"targeted" is broadcastToConnIds with ready-made ids and no decision, for reference.',
    ],
  };
}

async function measure(version: string, names: readonly BroadcasterVariant[], { quick }: Options): Promise<Measured> {
  const variants = await variantsOf(version, names);
  const expected = (variant: string, size: number): number =>
    variant === "unprotected" ? size : variant === "observer" ? 2 : 1;
  // One connection: the difference is small, so fresh processes, short rounds and many of them.
  const alone = await interleave({
    variants: variants.filter(({ name }) => name === "unprotected" || name === "module"),
    sizes: [1],
    generations: quick ? 2 : 6,
    rounds: quick ? 60 : 150,
    roundMs: 8,
    warmUpMs: 500,
    expected,
  });
  const growth = await interleave({
    variants,
    sizes: SIZES,
    generations: quick ? 1 : 2,
    rounds: quick ? 12 : 40,
    roundMs: 10,
    warmUpMs: 300,
    expected,
  });
  const configured =
    version === "2026.9.6"
      ? await interleave({
          variants: await variantsOf(version, ["unprotected", "module", ...CONFIGURED]),
          sizes: CONFIGURED_SIZES,
          generations: quick ? 1 : 2,
          rounds: quick ? 12 : 40,
          roundMs: 8,
          warmUpMs: 300,
          expected,
        })
      : undefined;
  return { alone, growth, configured };
}

/** The ratio with the widest margin to its bound: for CI. */
async function measureCompact(): Promise<Measurements> {
  return interleave({
    variants: await variantsOf("2026.9.6", ["unprotected", "module"]),
    sizes: [1000],
    generations: 1,
    rounds: 40,
    roundMs: 8,
    warmUpMs: 300,
    expected: (variant, size) => (variant === "unprotected" ? size : 1),
  });
}

function compactPart(measured: Measurements): Part {
  return {
    id: "b",
    title: "The gateway's broadcaster with stub sockets, 1 subscriber",
    tables: [],
    targets: [
      atMost("2026.9.6, 1,000 connections, module/unprotected", measured.ratio("module", 1000, "unprotected"), 1 / 40),
    ],
    notes: [],
  };
}

/** The package's folder, and the chunk in it that declares the broadcaster: arguments of a measured process. */
export async function broadcasterChunk(version: string): Promise<[root: string, chunk: string]> {
  const release = await ensureRelease(version);
  const root = realpathSync(release.dir);
  const chunks = scanPackage(root, [BROADCASTER]).get(BROADCASTER) ?? [];
  // 2026.2 has two copies. The one that imports the entry of the command line would run it.
  const chunk = chunks.find((each) => !readFileSync(join(root, each), "utf8").includes('"./entry.js"'));
  if (chunk === undefined) throw new Error(`openclaw@${version} has no ${BROADCASTER} that can be imported alone`);
  return [root, chunk];
}

async function variantsOf(version: string, names: readonly BroadcasterVariant[]): Promise<Variant[]> {
  const args = await broadcasterChunk(version);
  return names.map((name) => ({ name, script: "broadcaster-child.ts", args: [name, ...args] }));
}

function tableOf(version: string, variants: readonly BroadcasterVariant[], { alone, growth }: Measured): Table {
  const others = variants.filter((name) => name === "unprotected" || name === "opt-in");
  return {
    title: `openclaw@${version}: µs an event, and the module's cost in proportion`,
    columns: ["connections", ...variants, ...others.map((name) => `module/${name}`), "module/module at 1"],
    rows: SIZES.map((size) => [
      size,
      ...variants.map((name) => micros(growth.nanos(name, size))),
      ...others.map((name) => withSpread(size === 1 && name === "unprotected" ? alone : growth, "module", size, name)),
      ratio(growth.ratio("module", size, "module", 1)),
    ]),
  };
}

function configuredTable(version: string, configured: Measurements): Table {
  const variants = ["module", ...CONFIGURED];
  return {
    title: `openclaw@${version}: with other settings than the defaults, of unprotected`,
    columns: ["connections", ...variants],
    rows: CONFIGURED_SIZES.map((size) => [
      size,
      ...variants.map((name) => withSpread(configured, name, size, "unprotected")),
    ]),
  };
}

/** The measured number of connections from which on the module costs less than none. */
function breakEven(growth: Measurements): number {
  return SIZES.find((_, at) => SIZES.slice(at).every((size) => growth.ratio("module", size, "unprotected") < 1)) ?? NaN;
}

function newestTargets({ alone, growth }: Measured): Target[] {
  return [
    atMost("2026.9.6, 1 connection, module/unprotected", alone.ratio("module", 1, "unprotected"), 1.05),
    atMost("2026.9.6, connections from which on the module costs less than none", breakEven(growth), 2),
    atMost("2026.9.6, 1,000 connections, module/unprotected", growth.ratio("module", 1000, "unprotected"), 1 / 80),
    atMost("2026.9.6, 1,000 connections, module/opt-in", growth.ratio("module", 1000, "opt-in"), 1 / 40),
    atMost("2026.9.6, 10,000 connections, module/unprotected", growth.ratio("module", 10_000, "unprotected"), 1 / 1000),
    atMost("2026.9.6, 10,000 connections, module/opt-in", growth.ratio("module", 10_000, "opt-in"), 1 / 400),
    atMost("2026.9.6, module at 10,000 connections / at 1", growth.ratio("module", 10_000, "module", 1), 1.5),
  ];
}

function olderTargets({ alone, growth }: Measured, version: string): Target[] {
  const one = atMost(`${version}, 1 connection, module/unprotected`, alone.ratio("module", 1, "unprotected"), 1.1);
  const thousand = growth.ratio("module", 1000, "unprotected");
  // It makes one frame for all, so that a connection more costs it little.
  if (version === "2026.2.9")
    return [one, atMost(`${version}, 1,000 connections, module/unprotected`, thousand, 1 / 10)];
  return [
    one,
    atMost(`${version}, connections from which on the module costs less than none`, breakEven(growth), 2),
    atMost(`${version}, 1,000 connections, module/unprotected`, thousand, 1 / 50),
  ];
}
