/** Asks the gateway about one run: its outcome when its frames did not come, and to stop it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Boot, type Connection, isSameBoot } from "./connection.ts";
import { ClientError } from "./errors.ts";
import type { Settings } from "./options.ts";
import { isFields } from "./run-state.ts";
import { holdsKeys, type Outcome, outcomeOf, readMessages, type Wanted } from "./transcript.ts";

/** The outcome, as far as it is known. */
export type Verdict =
  | { readonly kind: "running" }
  | { readonly kind: "done"; readonly text: string; readonly usage: Outcome["usage"] }
  | { readonly kind: "aborted" }
  | { readonly kind: "error"; readonly error: ClientError };

interface Host {
  readonly connection: Connection;
  readonly settings: Settings;
}

/** A message, and the session it was sent to. */
export interface Place extends Wanted {
  readonly sessionKey: string;
}

/** A run that was accepted, and where. */
export interface RunPlace extends Place {
  readonly gatewayRunId: string;
  readonly boot: Boot | undefined;
  /** The connection (by its generation) that last made the session its own. */
  readonly claimed: { generation: number };
}

/** Enough for the tool calls of one run; every chat asks for it once. */
const HISTORY_LIMIT = 60;
const POLL_MS = 500;
/** How long the terminal frame of a run that is over may still be under way. */
const LAST_FRAME_MS = 1_500;
/** How long a reply may take from its run's end to the history. */
const SETTLE_MS = 3_000;
const PROBE_MS = 300;
/** How long the history is waited for after a reply, for its tokens and cost. */
const USAGE_MS = 2_000;
const SECOND_LOOK_MS = 150;
const ABORT_RETRY_MS = 250;
/** How long the last frame of an aborted run, which brings its text up to date, is waited for. */
const ABORTED_FRAME_MS = 500;

/** Whether an answer to `chat.send` means that the run is going on. */
export function isCommandStatus(status: unknown): boolean {
  return status === "started" || status === "in_flight" || status === "accepted" || status === undefined;
}

/**
 * Whether an answer to `chat.send` joined the message to a run that is over: nothing will come of it then. 2026.5 does so
 * with the text of a run for some time after its reply.
 */
export async function isSwallowed(
  { connection }: Host,
  runId: string,
  { runId: answered, status }: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  if (typeof answered !== "string" || answered === runId || status !== "in_flight") return false;
  return connection.request("agent.wait", { runId: answered, timeoutMs: PROBE_MS }).then(isEnded, () => false);
}

/** Whether an answer to `agent.wait` says that the run is over. */
function isEnded(wait: Readonly<Record<string, unknown>>): boolean {
  return wait["status"] !== "timeout" || wait["endedAt"] !== undefined;
}

/** Looks a message up in its session's history. @throws ClientError */
export async function findOutcome({ connection }: Host, place: Place, timeoutMs?: number) {
  const { sessionKey } = place;
  const options = timeoutMs === undefined ? {} : { timeoutMs };
  const answer = await connection.request("chat.history", { sessionKey, limit: HISTORY_LIMIT }, options);
  const messages = readMessages(answer);
  return { outcome: outcomeOf(messages, place), keyed: holdsKeys(messages), active: isActive(answer) };
}

/** Whether the history says that something runs in its session (2026.9). */
function isActive(answer: Readonly<Record<string, unknown>>): boolean {
  const info = isFields(answer["sessionInfo"]) ? answer["sessionInfo"] : {};
  return answer["inFlightRun"] !== undefined || info["hasActiveRun"] === true;
}

function settled(outcome: Outcome | undefined): Verdict | undefined {
  switch (outcome?.state) {
    case "complete":
      return { kind: "done", text: outcome.text, usage: outcome.usage };
    case "aborted":
      return { kind: "aborted" };
    case "error":
      return { kind: "error", error: new ClientError("model", outcome.errorMessage ?? "the run ended with an error") };
    default:
      return undefined;
  }
}

/**
 * Finds the outcome of an accepted run. Waits for a connection, claims the session for it again, asks whether the run
 * is still active, and if not reads its outcome from the history. Bounded by `recoverMs`.
 */
export async function recoverRun(host: Host, place: RunPlace, isOver: () => boolean): Promise<Verdict> {
  const { connection, settings } = host;
  const until = Date.now() + settings.recoverMs;
  while (!isOver()) {
    const isUp = await connection.whenUp(until - Date.now());
    if (isOver()) break;
    if (!isUp || Date.now() > until) {
      const message = `no connection in ${settings.recoverMs} ms: the outcome of the run is unknown`;
      return { kind: "error", error: new ClientError("disconnected", message) };
    }
    const { generation } = connection;
    try {
      if (!isSameBoot(place.boot, connection.boot)) return await afterRestart(host, place, until, isOver);
      return await onSameBoot(host, place, until, isOver);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      if (error.kind === "unresponsive") connection.restart(generation);
      else if (error.kind === "refused") await sleep(POLL_MS);
      else if (error.kind !== "disconnected") throw error;
      else await sleep(10);
    }
  }
  return { kind: "running" };
}

async function onSameBoot(host: Host, place: RunPlace, until: number, isOver: () => boolean): Promise<Verdict> {
  const { connection } = host;
  await claim(connection, place);
  const runId = place.gatewayRunId;
  const wait = await connection.request("agent.wait", { runId, timeoutMs: PROBE_MS });
  if (!isEnded(wait)) return { kind: "running" };
  const frameUntil = Date.now() + LAST_FRAME_MS;
  while (Date.now() < frameUntil && !isOver()) await sleep(50);
  const found = await poll(host, place, Math.min(until, Date.now() + SETTLE_MS), isOver);
  if (found) return found;
  const reply = isFields(wait["terminalReply"]) ? wait["terminalReply"]["text"] : undefined;
  if (typeof reply === "string" && reply !== "") return { kind: "done", text: reply, usage: undefined };
  if (wait["status"] === "error") {
    const message = typeof wait["error"] === "string" ? wait["error"] : "the run ended with an error";
    return { kind: "error", error: new ClientError("model", message) };
  }
  return lost("the run is over, and neither its last frame nor its reply in the history was found");
}

/** After a restart nothing goes on by itself, except where the release resumes what it interrupted. */
async function afterRestart(host: Host, place: RunPlace, until: number, isOver: () => boolean): Promise<Verdict> {
  await claim(host.connection, place);
  const found = await poll(host, place, Math.min(until, Date.now() + SETTLE_MS), isOver, until);
  if (found) return found;
  const message =
    "the gateway was restarted during the run, and its history holds no reply; the message may have been run";
  return { kind: "error", error: new ClientError("gateway-restarted", message) };
}

/** Asks the history until it holds an outcome; with `activeUntil` as long as something runs in the session. */
async function poll(
  host: Host,
  place: Place,
  until: number,
  isOver: () => boolean,
  activeUntil = until,
): Promise<Verdict | undefined> {
  for (;;) {
    const { outcome, active } = await findOutcome(host, place);
    const verdict = settled(outcome);
    if (verdict) return verdict;
    if (isOver() || Date.now() > (active ? activeUntil : until)) return undefined;
    await sleep(POLL_MS);
  }
}

/** Makes a new connection one that gets the session's events, on gateways that ask for it. */
async function claim(connection: Connection, { sessionKey, claimed }: RunPlace): Promise<void> {
  const { generation } = connection;
  if (claimed.generation === generation) return;
  await askForEvents(connection, sessionKey);
  claimed.generation = generation;
}

/** Sends the requests by which a connection gets a session's events. @throws ClientError */
export async function askForEvents(connection: Connection, sessionKey: string): Promise<void> {
  if (connection.offers("sessions.messages.subscribe")) {
    await connection.request("sessions.messages.subscribe", { key: sessionKey }).catch((error: unknown) => {
      // Without the scope for it there still is the history, which is a claim too.
      if (!(error instanceof ClientError) || error.kind !== "refused") throw error;
    });
  }
  await connection.request("chat.history", { sessionKey, limit: 1 });
}

/**
 * What an empty final means. If the agent had worked under this run's id, the reply is empty, or an error that only the
 * history tells (2026.2). If not, the message went elsewhere: the history is waited for only where it says by key whose
 * reply is whose, since a reply must never be taken from a run that is not this message's.
 */
export async function explainEmpty(
  host: Host,
  place: Place,
  started: boolean,
  isOver: () => boolean,
): Promise<Verdict> {
  try {
    const { outcome, keyed } = await findOutcome(host, place);
    if (outcome?.state === "error") return settled(outcome)!;
    if (started) return { kind: "done", text: "", usage: outcome?.usage };
    const found = keyed ? await poll(host, place, Date.now() + host.settings.recoverMs, isOver) : undefined;
    if (found) return found;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (started && error.kind !== "disconnected") return { kind: "done", text: "", usage: undefined };
  }
  return lost("the gateway ended the run without running it; the message was merged into another run or lost to one");
}

/** The tokens and the cost of a reply that just came; undefined if the history does not hold them in time. */
export async function readUsage(host: Host, place: Place, isOver: () => boolean): Promise<Outcome["usage"]> {
  const until = Date.now() + USAGE_MS;
  // A second look helps where the reply is stored just after it was sent; a third never did.
  for (let looks = 0; looks < 2 && !isOver() && Date.now() < until; looks += 1) {
    if (looks > 0) await sleep(SECOND_LOOK_MS);
    const found = await findOutcome(host, place, until - Date.now()).catch(() => undefined);
    if (found?.outcome?.usage && found.outcome.state === "complete") return found.outcome.usage;
  }
  return undefined;
}

function lost(message: string): Verdict {
  return { kind: "error", error: new ClientError("lost-reply", message) };
}

interface AbortTask {
  readonly connection: Connection;
  readonly graceMs: number;
  /** Resolves when the run's stream has ended by itself. */
  readonly over: Promise<void>;
  isOver(): boolean;
  target(): { readonly sessionKey: string; readonly runId: string };
}

/**
 * Asks the gateway to abort, until it has, it refuses, or time is up.
 *
 * @returns `aborted`; `refused`: newer releases let only the connection or device that started a run, or an admin, abort
 *   it; `unheard`: the gateway did not answer, or did not know the run
 */
export async function abortOnGateway(task: AbortTask): Promise<"aborted" | "refused" | "unheard"> {
  const { connection, over } = task;
  const until = Date.now() + task.graceMs;
  const left = (): number => Math.max(1, until - Date.now());
  while (!task.isOver() && Date.now() < until) {
    const answer = await connection
      .request("chat.abort", task.target(), { timeoutMs: left() })
      .catch((error: unknown) => error);
    if (answer instanceof ClientError) {
      if (answer.kind === "refused") return "refused";
      if (!(await connection.whenUp(left()))) break;
    } else if ((answer as { aborted?: unknown })["aborted"] === true) {
      await Promise.race([over, sleep(Math.min(ABORTED_FRAME_MS, left()))]);
      return "aborted";
    } else {
      // Not known there, or not yet: its final may be on its way.
      await Promise.race([over, sleep(Math.min(ABORT_RETRY_MS, left()))]);
    }
  }
  return "unheard";
}
