/**
 * One gateway on which everything happens that makes it send an event, with a canary in every text
 * that a session has, and what came of it at those who claim the sessions and at those who do not.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isExcused } from "../../../src/report/excuses.ts";
import { type Secret, secretFinder } from "../../../src/report/secrets.ts";
import type { Config } from "../gateway/gateway-config.ts";
import type { OpenBed } from "../gateway/bed.ts";
import type { RawClient } from "../wire/clients.ts";
import { GATEWAY_ACTS } from "./gateway-acts.ts";
import { SESSION_ACTS } from "./session-acts.ts";

type Kind = "session key" | "text";
type Owner = "vault" | "child";
const OWNERS: readonly Owner[] = ["vault", "child"];

/** What an act works with. */
export interface Stage {
  readonly bed: OpenBed;
  /** Makes all requests, has all scopes, claims all sessions. */
  readonly boss: RawClient;
  /** Claims all sessions and does nothing else. It is an admin: approvals of another's requests come to no one else. */
  readonly claimer: RawClient;
  /** A session with a canary in all of its texts, and one that it has spawned. */
  readonly vault: string;
  readonly child: string;
  /** Claims the child only. */
  readonly heir: RawClient;
  /** A word that only this place holds. It belongs to the vault, or to the child. */
  plant(place: string, owner?: Owner): string;
  /** A session that only those who claim it may hear of. The boss and the claimer claim it. */
  claim(key: string, owner?: Owner): Promise<void>;
  /** Whether the release has a method or an event of this name. */
  offers(name: string): boolean;
}

/** Something that makes a gateway send events. */
export interface Act {
  readonly name: string;
  /** It is left out on releases that lack one of these methods or events. */
  readonly needs: readonly string[];
  readonly run: (stage: Stage) => Promise<void>;
}

/** The outcome for one event name. */
export interface EventRow {
  readonly event: string;
  /** Frames at the connections that claim the sessions. */
  readonly claimers: number;
  /** Of these, frames with a canary or a key. */
  readonly withSecrets: number;
  /** Frames with a canary or a key at connections that claim none of the sessions. */
  readonly leaks: number;
  /** Frames there that hold only what the judge excuses. */
  readonly excused: number;
  /** Where in those frames, and at which clients. */
  readonly paths: readonly string[];
}

export interface Played {
  readonly rows: readonly EventRow[];
  /** What hello-ok told a bystander of the sessions, as paths. */
  readonly hello: readonly string[];
  /** Acts for which the release lacks a method or an event. */
  readonly skipped: readonly string[];
  /** Acts that failed, and why. */
  readonly failed: readonly string[];
  readonly seconds: number;
}

const PLUGIN = fileURLToPath(new URL("scene-plugin", import.meta.url));

/** What the gateway needs for the scene. */
export const SCENE_CONFIG: Config = {
  tools: { exec: { host: "gateway", security: "full", ask: "off" } },
  plugins: { allow: ["scene-plugin"], load: { paths: [PLUGIN] }, entries: { "scene-plugin": { enabled: true } } },
  agents: { defaults: { heartbeat: { every: "24h", target: "none" } } },
};

/** In this order, one after the other. */
export const ACTS: readonly Act[] = [...SESSION_ACTS, ...GATEWAY_ACTS];

const BOSS = ["admin", "read", "write", "approvals", "questions", "pairing", "talk"].map(
  (scope) => `operator.${scope}`,
);
/** Its key follows from the config, and is not a secret; system events and heartbeats are in it. */
const MAIN = "agent:main:main";
/** A child's parent is the child's own content: up to 2026.8 its events name it to connections that claim the child. */
const NAMES_PARENT = /(?:^|\.)parentSessionKey$/;
const ACT_MS = 30_000;
/** The gateway says every half a minute that it is there. */
const TICK_MS = 45_000;
/** A frame on its way to the wrong connection would still come. */
const SETTLE_MS = 1_500;

/**
 * Plays all acts on a gateway, and stops it in the end. The caller closes the bed.
 *
 * @param events names of all events of its release
 */
export async function playEveryEvent(bed: OpenBed, events: readonly string[]): Promise<Played> {
  const startedAt = Date.now();
  const unique = randomBytes(4).toString("hex");
  const [vault, child] = [`agent:main:vault-${unique}`, `agent:main:child-${unique}`];
  const secrets: Secret<Kind>[] = [];
  const [bystander, neighbour] = [
    await bed.connectRaw({ name: "bystander", scopes: ["operator.read"] }),
    await bed.connectRaw({ name: "neighbour" }),
  ];
  await neighbour.request("chat.history", { sessionKey: `agent:main:next-door-${unique}` });
  const boss = await bed.connectRaw({ name: "boss", scopes: BOSS, caps: ["tool-events"] });
  const claimer = await bed.connectRaw({ name: "claimer", scopes: BOSS, caps: ["tool-events", "approvals"] });
  const heir = await bed.connectRaw({ name: "heir" });
  const known = new Set([...boss.hello.features.methods, ...events]);
  const offers = (name: string): boolean => known.has(name);
  const stage: Stage = {
    bed,
    boss,
    claimer,
    heir,
    vault,
    child,
    offers,
    plant(place, owner = "vault") {
      const text = `CNY${secrets.length}${place.replaceAll(/\W/g, "")}X${unique}`;
      secrets.push({ session: OWNERS.indexOf(owner), kind: "text", text });
      return text;
    },
    async claim(key, owner = "vault") {
      secrets.push({ session: OWNERS.indexOf(owner), kind: "session key", text: key });
      for (const client of [boss, claimer]) {
        await client.request("chat.history", { sessionKey: key });
        if (!offers("sessions.messages.subscribe")) continue;
        const approvals = offers("session.approval") ? { includeApprovals: true } : {};
        await client.request("sessions.messages.subscribe", { key, ...approvals });
      }
    },
  };
  for (const client of [boss, claimer]) {
    if (offers("sessions.subscribe")) await client.request("sessions.subscribe", {});
    await client.request("chat.history", { sessionKey: MAIN });
  }
  const skipped: string[] = [];
  const failed: string[] = [];
  for (const { name, needs, run } of ACTS) {
    if (!needs.every(offers)) {
      skipped.push(name);
      continue;
    }
    const late = sleep(ACT_MS, undefined, { ref: false }).then(() => {
      throw new Error(`not over after ${ACT_MS} ms`);
    });
    await Promise.race([run(stage), late]).catch((error: unknown) =>
      failed.push(`${name}: ${(error as Error).message}`),
    );
  }
  await boss.waitFor(({ event }) => event === "tick", TICK_MS, "a tick");
  await sleep(SETTLE_MS);
  const newcomer = await bed.connectRaw({ name: "newcomer", scopes: ["operator.read"] });
  await bed.gateway.stop();
  const ofVault = secrets.filter(({ session }) => session === OWNERS.indexOf("vault"));
  const rows = rowsOf([boss, claimer], secrets, [
    ...[bystander, neighbour, newcomer].map((client) => ({ client, foreign: secrets })),
    { client: heir, foreign: ofVault },
  ]);
  const hello = secretFinder(secrets)
    .inValue(newcomer.hello)
    .map(({ path }) => path);
  return { rows, hello: [...new Set(hello)], skipped, failed, seconds: (Date.now() - startedAt) / 1_000 };
}

function rowsOf(
  claimers: readonly RawClient[],
  secrets: readonly Secret<Kind>[],
  others: readonly { readonly client: RawClient; readonly foreign: readonly Secret<Kind>[] }[],
): EventRow[] {
  const finder = secretFinder(secrets);
  const found = new Map<
    string,
    { event: string; claimers: number; withSecrets: number; leaks: number; excused: number; paths: string[] }
  >();
  const row = (event: string) => {
    const known = found.get(event) ?? { event, claimers: 0, withSecrets: 0, leaks: 0, excused: 0, paths: [] };
    found.set(event, known);
    return known;
  };
  for (const { event, json } of claimers.flatMap(({ frames }) => frames)) {
    row(event).claimers += 1;
    if (finder.inText(json).size > 0) row(event).withSecrets += 1;
  }
  for (const { client, foreign } of others) {
    const finderOfForeign = secretFinder(foreign);
    for (const { event, json } of client.frames) {
      const traces = finderOfForeign.inValue(JSON.parse(json)).filter(({ path }) => !NAMES_PARENT.test(path));
      if (traces.length === 0) continue;
      row(event)[traces.every((trace) => isExcused(event, trace)) ? "excused" : "leaks"] += 1;
      row(event).paths.push(...traces.map(({ path, kind }) => `${path} (${kind}) at ${client.name}`));
    }
  }
  return [...found.values()]
    .map((each) => ({ ...each, paths: [...new Set(each.paths)].toSorted() }))
    .toSorted((a, b) => a.event.localeCompare(b.event));
}
