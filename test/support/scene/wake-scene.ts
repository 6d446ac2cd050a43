/** A gateway with several agents and webhooks, and what happens to an event that is sent to a session. */
import { setTimeout as sleep } from "node:timers/promises";
import { type CronBed, openCronBed } from "./cron-scene.ts";
import type { Config } from "../gateway/gateway-config.ts";
import { GatewayRequestError, type Payload } from "../wire/clients.ts";
import { capabilities } from "../gateway/capabilities.ts";
import type { Release } from "../gateway/release.ts";

/** Each agent has its own share of the releases' flood guards, five heartbeats a minute. */
const AGENTS = ["main", "ops"] as const;

const HOOK_TOKEN = "hook-token-of-the-test";

/** `hooks` of a bed; up to 2026.2 the two rules for session keys are settings of the module. */
export interface HookRules {
  readonly allowRequestSessionKey?: boolean;
  readonly allowedSessionKeyPrefixes?: readonly string[];
}

const MAPPINGS = [
  { match: { path: "static" }, action: "wake", textTemplate: "{{text}}", sessionKey: "agent:ops:mapped" },
  {
    match: { path: "template" },
    action: "wake",
    wakeMode: "next-heartbeat",
    textTemplate: "{{text}}",
    sessionKey: "agent:{{agent}}:mapped",
  },
];

/** From the same releases on that have rules a mapping may name an agent. */
const TO_AGENT = { match: { path: "to-agent" }, action: "wake", textTemplate: "{{text}}", agentId: "ops" };

/** The configuration of {@link openWakeBed}, for gateways that a test boots itself. */
export function wakeConfig(release: Release, rules: HookRules): Config {
  const { hasHookRules } = capabilities(release);
  // A template has to have its prefixes.
  const keys = rules.allowedSessionKeyPrefixes || !hasHookRules ? MAPPINGS : MAPPINGS.slice(0, 1);
  const mappings = [...keys, ...(hasHookRules ? [TO_AGENT] : [])];
  const own = hasHookRules ? rules : {};
  return {
    agents: { list: AGENTS.map((id) => ({ id, ...(id === "main" ? { default: true } : {}) })) },
    hooks: { enabled: true, token: HOOK_TOKEN, mappings, ...own },
  };
}

export interface WakeBed extends CronBed {
  /** POSTs to a webhook. */
  hook(path: string, body: Payload): Promise<{ status: number; body: Payload }>;
}

/** Boots a gateway whose queues can be looked into. */
export async function openWakeBed(options: {
  readonly release: Release;
  readonly isolated: boolean;
  readonly rules: HookRules;
  readonly config?: Config;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<WakeBed> {
  const { release, rules, ...rest } = options;
  const config = { ...wakeConfig(release, rules), ...options.config };
  const bed = await openCronBed({ ...rest, release, config });
  return { ...bed, hook: (path, body) => postHook(bed.gateway.port, path, body) };
}

/** A gateway that starts its first heartbeats answers nobody for a while. */
const HOOK_MS = 150_000;

/** POSTs to a webhook of a bed with {@link wakeConfig}. */
export async function postHook(port: number, path: string, body: Payload): Promise<{ status: number; body: Payload }> {
  const response = await fetch(`http://127.0.0.1:${port}/hooks/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close", authorization: `Bearer ${HOOK_TOKEN}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(HOOK_MS),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? (JSON.parse(text) as Payload) : { text } };
}

/** How a request is sent; `text` is in no other. */
export type Send = (bed: WakeBed, text: string) => Promise<unknown>;

/** What a gateway answered: `ok`, or the error's code and text. */
export async function answerTo(send: Promise<unknown>): Promise<string> {
  try {
    const answer = (await send) as { status?: number; body?: Payload; ok?: unknown } | undefined;
    if (answer?.status !== undefined && answer.status !== 200) {
      return `HTTP ${answer.status} ${String(answer.body?.["error"] ?? answer.body?.["text"])}`;
    }
    return answer?.ok === false ? "not ok" : "ok";
  } catch (error) {
    if (error instanceof GatewayRequestError) return `${error.code} ${error.message}`;
    throw error;
  }
}

/** Whether a model was asked with a text. */
export function wasSeen(bed: CronBed, text: string): boolean {
  return bed.model.requests.some((request) => `${request.lastUserText}\n${request.systemText}`.includes(text));
}

/** Where an event is: `seen` by a model or not (`waits`), and the sessions whose queue held it. */
export async function placeOf(bed: CronBed, text: string): Promise<string> {
  const { waiting, drained } = await bed.queues();
  const queued = Object.keys(waiting).filter((key) => waiting[key]!.some((each) => each.includes(text)));
  const taken = drained.filter((event) => event.text.includes(text)).map(({ key }) => key);
  const keys = [...new Set([...queued, ...taken])];
  if (keys.length === 0) return "nowhere";
  const state = queued.length > 0 ? "waits" : wasSeen(bed, text) ? "seen" : "taken";
  return `${state} ${keys.join(" ")}`;
}

/** The same, once a model has been asked or the time is over. */
export async function fateOf(bed: CronBed, text: string, withinMs: number): Promise<string> {
  for (const deadline = Date.now() + withinMs; ; await sleep(200)) {
    const place = await placeOf(bed, text);
    if (place.startsWith("seen") || Date.now() > deadline) return place;
  }
}
