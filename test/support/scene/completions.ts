/** The output of a command that was left in the background, and whether a model ever sees it. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Channel, startChannel } from "../gateway/channel.ts";
import { CONFIGURATIONS, type Configuration, type ConfigurationName } from "../gateway/configurations.ts";
import { type Config, merge } from "../gateway/gateway-config.ts";
import type { Release } from "../gateway/release.ts";
import { type CronBed, cronJob, openCronBed, until } from "./cron-scene.ts";

export interface CompletionBed extends CronBed {
  readonly configuration: Configuration;
  /** Where alerts go: from 2026.5 on a heartbeat without a target does not get to see a command's output. */
  readonly channel: Channel;
}

/** Boots a gateway with a named configuration, heartbeats of six hours otherwise, and a channel for alerts. */
export async function openCompletionBed(options: {
  readonly release: Release;
  readonly isolated: boolean;
  readonly name?: ConfigurationName;
  readonly config?: Config;
  readonly env?: Readonly<Record<string, string>>;
  readonly preloads?: readonly string[];
}): Promise<CompletionBed> {
  const { release, isolated, name, config = {}, env = {}, preloads = [] } = options;
  const configuration: Configuration = name === undefined ? { config: {}, agents: ["main"] } : CONFIGURATIONS[name];
  const channel = await startChannel(release);
  const target = { target: channel.name, to: channel.friend };
  const alerts: Config = merge(channel.config, { agents: { defaults: { heartbeat: target } } });
  try {
    const bed = await openCronBed({
      release,
      isolated,
      config: merge(merge(alerts, configuration.config), config),
      env: { OPENCLAW_SKIP_CHANNELS: "", ...env },
      preloads,
    });
    const close = async (): Promise<void> => {
      await bed.close();
      await channel.close();
    };
    return { ...bed, close, configuration, channel };
  } catch (error) {
    await channel.close();
    throw error;
  }
}

/** A command whose output stands in no message that orders it. */
export interface Work {
  readonly order: string;
  readonly output: string;
}

const COMMAND_S = 1;

/** An order to leave a command in the background. */
export function work(seconds = COMMAND_S): Work {
  const id = `W${randomBytes(4).toString("hex")}`;
  const command = `sleep ${seconds}; echo ${id}-$((40+2))`;
  return { order: `[[tool id=${id} cmd="${command}" background n=1]]`, output: `${id}-42` };
}

/** Has a cron job leave a command behind; resolves when the job has been asked to run. */
export async function leaveByCron(bed: CronBed, agentId = "main"): Promise<Work> {
  const left = work();
  const { admin } = bed;
  const job = await admin.request("cron.add", {
    ...cronJob(bed, left.order),
    ...(agentId === "main" ? {} : { agentId }),
  });
  const id = job["id"] ?? (job["job"] as { id?: unknown } | undefined)?.id;
  await admin.request("cron.run", { id, mode: "force" }, { timeoutMs: 60_000 });
  return left;
}

/** Model requests that hold a text. */
export function requestsWith(bed: CronBed, text: string): number {
  return bed.model.requests.filter(({ lastUserText }) => lastUserText.includes(text)).length;
}

/** Where the event of a command is, or was taken from. */
export async function queuesOf(bed: CronBed, { output }: Work): Promise<{ waits: string[]; taken: string[] }> {
  const { waiting, drained } = await bed.queues();
  return {
    waits: Object.keys(waiting).filter((key) => waiting[key]!.some((text) => text.includes(output))),
    taken: [...new Set(drained.filter(({ text }) => text.includes(output)).map(({ key }) => key))],
  };
}

/** The first cron run of an agent takes half a minute where others have the machine, too. */
const RAISED_MS = 150_000;

/** Waits until the event of a command has been raised. */
export async function raised(bed: CronBed, left: Work, timeoutMs = RAISED_MS): Promise<void> {
  await until(
    async () => {
      const { waits, taken } = await queuesOf(bed, left);
      return waits.length + taken.length > 0 ? true : undefined;
    },
    timeoutMs,
    `the event of ${left.output}`,
  );
}

/**
 * The outcome of a command's output.
 *
 * @returns `seen <keys of the queues it was in>`, or after the time `waits …` or `lost …`
 */
export async function fateOfOutput(bed: CronBed, left: Work, withinMs: number): Promise<string> {
  for (const deadline = Date.now() + withinMs; ; await sleep(200)) {
    const seen = requestsWith(bed, left.output) > 0;
    if (!seen && Date.now() < deadline) continue;
    const { waits, taken } = await queuesOf(bed, left);
    // Releases take an event out of its queue before the model is asked, or after it.
    if (seen && waits.length > 0 && Date.now() < deadline) continue;
    const keys = [...new Set([...waits, ...taken])].join(" ");
    return `${seen ? "seen" : waits.length > 0 ? "waits" : "lost"} ${keys}`;
  }
}
