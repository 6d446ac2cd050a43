/** Shows where the event of a cron run's command ends up, on a real gateway without and with the module. */
import { Option } from "commander";
import { followCronEvent, openCronBed, type Outcome } from "../test/support/scene/cron-scene.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { jsonOption, releaseOption, runScript, script } from "./options.ts";

const VARIANTS = ["default", "prewake", "global"] as const;
type Variant = (typeof VARIANTS)[number];

const command = script(
  "repro:cron",
  `Boots the gateway without the module, then with it. In each, a cron job's isolated run starts a
command in the background and ends; the command's end is then a system event. The script looks into the
gateway's queues: who drains the event, the main session's heartbeat, or nobody?`,
  ["the control gateway fails as known for the release and the module delivers", "anything else was observed"],
)
  .addOption(releaseOption("2026.5.7"))
  .addOption(
    new Option("--variant <name>", 'prewake: a heartbeat ran before; global: session.scope "global"')
      .default("prewake")
      .choices(VARIANTS),
  )
  .addOption(jsonOption("the findings"));

type Fate = "delivered" | "lost" | "orphan" | "swallowed";

/** The outcome of the event: drained by the session that the heartbeat belongs to, by another, or by none. */
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

/** The known result of the release without the module; undefined for releases that nobody has measured. */
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
  process.stderr.write(
    `${isolated ? "with the module" : "without the module"}: booting OpenClaw ${release.version} …\n`,
  );
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

async function main(options: { release: string; variant: Variant; json?: true }): Promise<number> {
  const { release: version, variant, json } = options;
  const release = await ensureRelease(version);
  const published = await observe(release, false, variant);
  const isolated = await observe(release, true, variant);
  const known = knownFate(version, variant);
  const ok = isolated.fate === "delivered" && (known === undefined || published.fate === known);

  if (json) console.log(JSON.stringify({ release: version, variant, known, published, isolated, ok }, null, 2));
  else {
    for (const [name, { fate, waitingUnder, drainedFrom, ms, heartbeats }] of Object.entries({
      "without the module": published,
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
      console.log(`Expected of OpenClaw ${version} without the module: ${known}`);
    if (known === undefined) console.log("Nothing is known about this release without the module.");
    console.log(ok ? "as expected" : "NOT as expected");
  }
  return ok ? 0 : 1;
}

await runScript(command, main);
