/** Shows where the event of a cron run's command ends up, on a real gateway without and with the module. */
import { followCronEvent, openCronBed, type Outcome } from "../test/support/scene/cron-scene.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { releaseOption, runScript, scriptOptions, wrongUsage } from "./options.ts";

const VARIANTS = ["default", "prewake", "global"] as const;
type Variant = (typeof VARIANTS)[number];

const HELP = `Usage: npm run repro:cron [-- --release <version>] [--variant <name>] [--json]

Boots the gateway as published, then with the module. In each, a cron job's isolated run starts a
command in the background and ends; the command's end is then a system event. The script looks into
the gateway's queues: who drains the event, the main session's heartbeat, or nobody?

Options:
  --release <version>  OpenClaw release, 2026.5.7 unless given; installed on first use
  --variant <name>     default; prewake: a heartbeat ran before (unless given); global: session.scope "global"
  --json               print the findings as JSON
  -h, --help           show this help

Exit codes: 0 the published gateway fails as known for the release and the module delivers; 1 otherwise; 2 wrong usage.`;

type Fate = "delivered" | "lost" | "orphan" | "swallowed";

/** What became of the event: drained by the session that the heartbeat belongs to, by another, or by none. */
function fateOf({ drainedFrom, heartbeats }: Outcome, variant: Variant): Fate {
  if (drainedFrom.length === 0) return "lost";
  const right = variant === "global" ? ["global", "agent:main:global"] : ["agent:main:main"];
  if (!drainedFrom.every((key) => right.includes(key))) return "orphan";
  return heartbeats > 0 ? "delivered" : "swallowed";
}

const KNOWN_FATES: Readonly<Record<string, Readonly<Record<Variant, Fate>>>> = {
  "2026.2.9": { default: "lost", prewake: "lost", global: "lost" },
  "2026.5.7": { default: "orphan", prewake: "lost", global: "lost" },
  "2026.9.6": { default: "delivered", prewake: "delivered", global: "delivered" },
};

/** What is known of the published release; undefined for one in between that nobody has measured. */
function knownFate(version: string, variant: Variant): Fate | undefined {
  return KNOWN_FATES[version]?.[variant];
}

const MEANING: Readonly<Record<Fate, string>> = {
  delivered: "delivered: the main heartbeat got it",
  lost: "LOST: it waits where nobody drains it, a further main heartbeat did not take it",
  swallowed: "SWALLOWED: the heartbeat took it, but did not ask its model",
  orphan: "MISROUTED: an orphan turn under the run's own key took it, the main session never saw it",
};

async function observe(release: Release, isolated: boolean, variant: Variant): Promise<Outcome & { fate: Fate }> {
  process.stderr.write(`${isolated ? "with the module" : "as published"}: booting OpenClaw ${release.version} …\n`);
  const bed = await openCronBed({ release, isolated, ...(variant === "global" ? { scope: "global" } : {}) });
  try {
    process.stderr.write(
      `  cron job with a command that outlives its run${variant === "prewake" ? ", after a heartbeat" : ""} …\n`,
    );
    const outcome = await followCronEvent(bed, { prewake: variant === "prewake" });
    return { ...outcome, fate: fateOf(outcome, variant) };
  } finally {
    await bed.close();
  }
}

async function main(): Promise<number> {
  const { values } = scriptOptions(HELP, {
    release: { type: "string", default: "2026.5.7" },
    variant: { type: "string", default: "prewake" },
    json: { type: "boolean", default: false },
  });
  const { json } = values;
  const version = releaseOption(values.release, HELP);
  const variant =
    VARIANTS.find((name) => name === values.variant) ??
    wrongUsage(`"${values.variant}" is no variant; there are ${VARIANTS.join(", ")}`, HELP);
  const release = await ensureRelease(version);
  const published = await observe(release, false, variant);
  const isolated = await observe(release, true, variant);
  const known = knownFate(version, variant);
  const ok = isolated.fate === "delivered" && (known === undefined || published.fate === known);

  if (json) console.log(JSON.stringify({ release: version, variant, known, published, isolated, ok }, null, 2));
  else {
    for (const [name, { fate, waitingUnder, drainedFrom, ms, heartbeats }] of Object.entries({
      "as published": published,
      "with the module": isolated,
    })) {
      console.log(`${name.padEnd(16)} ${MEANING[fate]}`);
      console.log(
        `  waits under ${waitingUnder.join(", ") || "nothing"}; drained from ${drainedFrom.join(", ") || "nothing"}`,
      );
      console.log(
        `  ${ms === undefined ? "not drained" : `drained after ${ms} ms`}, ${heartbeats} heartbeat model call(s)`,
      );
    }
    if (known === "delivered") console.log(`OpenClaw ${version} remaps this by itself: the module changes nothing.`);
    if (known !== undefined && published.fate !== known)
      console.log(`Expected of OpenClaw ${version} as published: ${known}`);
    if (known === undefined) console.log("Nothing is known of this release as published.");
    console.log(ok ? "as expected" : "NOT as expected");
  }
  return ok ? 0 : 1;
}

await runScript("repro-cron", main);
