/** A channel that a test can write into, and whose friend gets what the gateway delivers. */
import type { Bed, BedOptions } from "./bed.ts";
import { merge, type Config } from "./gateway-config.ts";
import { capabilities } from "./capabilities.ts";
import type { Release } from "./release.ts";
import { startSignal } from "./signal.ts";
import { startTelegram } from "./telegram.ts";
import { setTimeout as sleep } from "node:timers/promises";

export interface Channel {
  /** OpenClaw's id of it. */
  readonly name: string;
  /** The person who writes to the gateway and receives a heartbeat's alerts. */
  readonly friend: string;
  /** Texts that the gateway has sent, in order. */
  readonly sent: readonly { readonly at: number; readonly text: string }[];
  /** Whether the gateway listens for messages. */
  readonly listening: boolean;
  /** A message of the friend comes in. */
  receive(text: string): void;
  close(): Promise<void>;
  readonly config: Config;
}

/** Starts the service of a channel that the release has built in. */
export function startChannel(release: Release): Promise<Channel> {
  return capabilities(release).hasTelegram ? startTelegram() : startSignal();
}

/** What a gateway needs to use the channel. */
export function channelOptions({ config }: Channel, more: Config): BedOptions {
  return { config: merge(config, more), env: { OPENCLAW_SKIP_CHANNELS: "" } };
}

/** Waits until the gateway listens on the channel. */
export async function channelReady(channel: Channel, { gateway }: Bed): Promise<void> {
  for (const deadline = Date.now() + 40_000; !channel.listening; await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`the gateway does not use ${channel.name}:\n${gateway.logs()}`);
  }
}
