/** What the release itself knows about its heartbeats, by its own functions. */
import { agentIdOf } from "../policy/cron-keys.ts";
import { type Fields, fieldsOrNone } from "../policy/fields.ts";
import type { HeartbeatOptions, Skip } from "./attach.ts";
import type { HeartbeatRun, HeartbeatSessions } from "./run.ts";
import { MESSAGES } from "../messages.ts";

type Fn = (...args: never[]) => unknown;

/** The release's own functions of a name, one for each copy of its module. */
export type Functions = (name: string) => readonly Fn[];

type Agents = (config: unknown) => { agentId: string; heartbeat?: unknown }[];
type Interval = (config: unknown, every: undefined, heartbeat: unknown) => unknown;
type Session = (...args: unknown[]) => { sessionKey?: unknown; storePath?: unknown; entry?: unknown } | undefined;
type UpdateEntry = (params: object) => Promise<unknown>;

/** From 2026.8 on, the release itself aborts a heartbeat for a user's message, and runs it again after a minute. */
export function abortsHeartbeatsItself(functions: Functions): boolean {
  return functions("preemptAndDrainEmbeddedHeartbeatRun").length > 0;
}

/** The key, as the release has it, of the session that a lane belongs to; undefined for one of another kind. */
export function sessionOfLane(lane: unknown): string | undefined {
  return typeof lane === "string" && lane.startsWith("session:") ? lane.slice("session:".length) : undefined;
}

/**
 * Which agents have heartbeats, and how often, for the log.
 *
 * @returns undefined if the release does not say
 */
export function heartbeatIntervals(functions: Functions, config: unknown): string | undefined {
  const agents = functions("resolveHeartbeatAgents").at(-1) as Agents | undefined;
  const interval = functions("resolveHeartbeatIntervalMs").at(-1) as Interval | undefined;
  if (!agents || !interval) return undefined;
  const each = agents(config).flatMap(({ agentId, heartbeat }) => {
    const ms = interval(config, undefined, heartbeat);
    return typeof ms === "number" && ms > 0 ? [`${agentId} every ${Math.round(ms / 600) / 100} min`] : [];
  });
  return MESSAGES.heartbeats(each.join(", ") || "none");
}

/**
 * The sessions of a heartbeat: `main` if the release does not say. With `isolatedSession: true` a heartbeat runs on
 * its own session, a new one each time.
 */
export function heartbeatSessions(
  functions: Functions,
  config: () => unknown,
  opts: HeartbeatOptions,
): HeartbeatSessions {
  const { agentId, heartbeat, sessionKey } = opts;
  const cfg = opts.cfg ?? config();
  const agent = typeof agentId === "string" ? agentId : undefined;
  const resolve = functions("resolveHeartbeatSession").at(-1) as Session | undefined;
  const found = resolve?.(cfg, agent, heartbeat, sessionKey);
  const home = found?.sessionKey ?? sessionKey ?? "main";
  const isolated = typeof home === "string" && configured(cfg, agent, heartbeat)["isolatedSession"] === true;
  // A wake may name the session of an earlier one.
  const own = isolated ? `${home.replace(/(?::heartbeat)+$/, "")}:heartbeat` : home;
  return { home, own, storePath: found?.storePath };
}

/**
 * Whether the store no longer has the session of a heartbeat, which would create it again. The agent's main session
 * may begin with a heartbeat; it does not count.
 */
export function isDeleted(functions: Functions, { cfg, agentId, heartbeat, sessionKey }: HeartbeatOptions): boolean {
  const resolve = functions("resolveHeartbeatSession").at(-1) as Session | undefined;
  const found = resolve?.(cfg, agentId, heartbeat, sessionKey);
  if (!found || !("entry" in found) || found.entry !== undefined) return false;
  return found.sessionKey !== resolve?.(cfg, agentId)?.sessionKey;
}

/** The options of an agent's heartbeat: its own first, then its agent's block, then the defaults. */
function configured(cfg: unknown, agentId: string | undefined, given: unknown): Fields {
  const { defaults, list } = fieldsOrNone(fieldsOrNone(cfg)["agents"]);
  const agents = (Array.isArray(list) ? list : []).map(fieldsOrNone);
  const id = agentIdOf(
    agentId ?? String((agents.find((each) => each["default"] === true) ?? agents[0])?.["id"] ?? "main"),
  );
  const entry = agents.find((each) => typeof each["id"] === "string" && agentIdOf(each["id"]) === id);
  const blocks = [fieldsOrNone(defaults)["heartbeat"], entry?.["heartbeat"], given];
  return Object.assign({}, ...blocks.map(fieldsOrNone)) as Fields;
}

/** Answers of `runHeartbeatOnce` after which the release itself asks again. */
const BUSY: ReadonlySet<unknown> = new Set([
  "requests-in-flight",
  "cron-in-progress",
  "lanes-busy",
  "active-run",
  "channel-not-ready",
  "preempted",
]);

/** The release's answer by which it asks again. */
export function busy(retryInMs: number): Skip {
  return { status: "skipped", reason: "requests-in-flight", retryAtMs: Date.now() + retryInMs };
}

/** Whether a heartbeat's answer says that it did not run now, and will be tried again. */
export function isBusy(result: unknown): boolean {
  const { status, reason } = fieldsOrNone(result);
  return status === "skipped" && BUSY.has(reason);
}

/**
 * Whether a release takes the waiting events for a message that it then queues behind the run under way, without them.
 * From 2026.3.2 on they stay with the message.
 */
export function queuesWithoutEvents(functions: Functions): boolean {
  return functions("prependSystemEvents").length > 0;
}

/**
 * Whether a heartbeat took its events without asking a model: its agent run never began. Up to 2026.5.3 that is a
 * failure before the model call, such as an unknown model. From then on a release repeats a remembered reply instead,
 * in every heartbeat until the session's next message.
 *
 * @param result what `runHeartbeatOnce` answered
 */
export function askedNobody(functions: Functions, run: HeartbeatRun, result: unknown): boolean {
  if (run.runId !== undefined || abortsHeartbeatsItself(functions)) return false;
  const { status } = fieldsOrNone(result);
  if (remembersReplies(functions)) return status === "ran";
  // A heartbeat without a reply may have been queued behind the run of its session: its model call comes later.
  return status === "failed" || (run.reply !== undefined && run.reply !== null);
}

/** Whether a release repeats a reply that was not delivered. */
export function remembersReplies(functions: Functions): boolean {
  return functions("buildPendingFinalDeliveryText").length > 0;
}

/**
 * Makes the release forget the reply that a heartbeat has repeated: its recipient has it now.
 *
 * @returns whether it was a reply that the session remembers; other texts, such as that of a failure, are not
 */
export async function forgetReply(functions: Functions, { sessions, reply }: HeartbeatRun): Promise<boolean> {
  const update = functions("updateSessionStoreEntry").at(-1) as UpdateEntry | undefined;
  const { own: sessionKey, storePath } = sessions;
  const { text } = fieldsOrNone(reply);
  if (!update || typeof storePath !== "string") return false;
  let remembered = false;
  await update({
    storePath,
    sessionKey,
    update: async (entry: unknown) => {
      remembered = fieldsOrNone(entry)["pendingFinalDeliveryText"] === text;
      return remembered ? Object.fromEntries(PENDING.map((name) => [name, undefined])) : null;
    },
  });
  return remembered;
}

/** Fields of a session's entry about a reply that is not yet delivered. */
const PENDING = ["", "Text", "CreatedAt", "LastAttemptAt", "AttemptCount", "LastError", "Context"].map(
  (name) => `pendingFinalDelivery${name}`,
);
