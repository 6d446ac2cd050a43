/**
 * The heartbeat reproducer: a real gateway without the module and one with it, a wake in a user's
 * run and a rapid follow-up; for each, the outcome of the follow-up's reply and who else saw it.
 */
import { textTable } from "../src/report/columns.ts";
import { isolationRegister, withBed } from "../test/support/gateway/bed.ts";
import { GAPS, heartbeatScene, HEARTBEATS_ON, isWhole, type Round } from "../test/support/scene/heartbeat-scene.ts";
import { capabilities } from "../test/support/gateway/capabilities.ts";
import { ensureRelease, type Release } from "../test/support/gateway/release.ts";
import { jsonOption, progressOf, releaseOption, runScript, script } from "./options.ts";

const command = script(
  "repro:heartbeat",
  `Boots a real OpenClaw gateway twice on loopback, without and with the module, forces a heartbeat in a
user's run and sends a follow-up 100, 300, 900 and 2,000 ms after the final, and in the middle of the
heartbeat's model call; prints the outcome of the replies. The gateway without the module is known to lose, empty
or rename a follow-up before 2026.5.28, and to show the bystander a preview from then on.`,
  [
    "the control gateway failed as known and the protected one did not",
    "anything else was observed",
    "the reproducer itself failed",
  ],
)
  .addOption(releaseOption("2026.5.7"))
  .addOption(jsonOption());

const progress = progressOf("repro-heartbeat");

async function main(options: { release: string; json?: true }): Promise<number> {
  const release = await ensureRelease(options.release);
  const published = await observe(release, "without the module", undefined);
  const isolated = await observe(release, "with the module", isolationRegister());
  const verdict = verdictOf(release, published, isolated);
  if (options.json) {
    console.log(JSON.stringify({ release: release.version, published, isolated, verdict }, undefined, 2));
  } else {
    console.log(`\nOpenClaw ${release.version} without the module\n${table(published)}`);
    console.log(`\nOpenClaw ${release.version} with openclaw-event-isolation\n${table(isolated)}`);
    console.log(`\n${verdict.ok ? "OK" : "NOT OK"}: ${verdict.text}`);
  }
  return verdict.ok ? 0 : 1;
}

async function observe(release: Release, label: string, preload: string | undefined): Promise<Round[]> {
  progress(`${label}: booting OpenClaw ${release.version} …`);
  return withBed(release, { config: HEARTBEATS_ON, ...(preload ? { preload } : {}) }, async (bed) => {
    progress(`${label}: ready after ${(bed.gateway.bootMs / 1000).toFixed(1)} s`);
    const scene = await heartbeatScene(bed);
    const rounds: Round[] = [];
    for (const gap of GAPS) {
      const round = await scene.round(gap);
      progress(`${label}: follow-up ${gapText(round)}: ${replyText(round)}`);
      rounds.push(round);
    }
    return rounds;
  });
}

function verdictOf(
  release: Release,
  published: readonly Round[],
  isolated: readonly Round[],
): { ok: boolean; text: string } {
  const lost = published.filter((round) => !isWhole(round)).length;
  const previews = published.reduce((sum, round) => sum + round.previews, 0);
  const saved = isolated.filter(isWhole).length;
  const seen = isolated.reduce((sum, round) => sum + round.bystander.length + round.previews, 0);
  const { keepsFollowUps, preemptsHeartbeats } = capabilities(release);
  const failed = keepsFollowUps ? previews > 0 : lost > 0;
  // Where the release keeps follow-ups itself, and the module leaves heartbeats alone, it must not lose one more.
  const enough = keepsFollowUps && !preemptsHeartbeats ? published.length - lost : isolated.length;
  return {
    ok: failed && saved >= enough && seen === 0,
    text:
      `without the module ${lost} of ${published.length} follow-ups lost, emptied or renamed, ${previews} previews at the bystander; ` +
      `with the module ${saved} of ${isolated.length} whole, ${seen} frames of the conversation at the bystander`,
  };
}

function table(rounds: readonly Round[]): string {
  return textTable([
    ["follow-up", "reply", "under run id", "accepted", "latency", "heartbeat calls", "bystander saw"],
    ...rounds.map((round) => [
      gapText(round),
      replyText(round),
      round.under,
      `${round.acceptedMs} ms`,
      round.latencyMs === undefined ? "-" : `${round.latencyMs} ms`,
      round.heartbeats,
      bystanderText(round),
    ]),
  ]);
}

function gapText({ gap }: Round): string {
  return gap === "mid" ? "in the heartbeat" : `+${gap} ms`;
}

function replyText(round: Round): string {
  if (isWhole(round)) return "complete";
  if (round.latencyMs === undefined) return "no final";
  return round.text === "" ? "empty final" : JSON.stringify(round.text.slice(0, 30));
}

function bystanderText({ bystander }: Round): string {
  if (bystander.length === 0) return "·";
  const counts = new Map<string, number>();
  for (const event of bystander) counts.set(event, (counts.get(event) ?? 0) + 1);
  return [...counts].map(([event, count]) => `${count} ${event}`).join(", ");
}

await runScript(command, main);
