/** The probe's extras: a session with a parent, and a cron job if allowed. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { KnownSession } from "../report/attribute.ts";
import { type Connection, RequestError } from "./connect.ts";
import { Failure, oneLine } from "./failure.ts";
import type { Listener, Listeners } from "./probe-connection.ts";
import { MESSAGES } from "./messages.ts";

/** An unused session key that names its origin. */
export function temporaryKey(agent: string): string {
  return `agent:${agent}:isolation-probe-${randomBytes(8).toString("hex")}`;
}

/** A word that occurs nowhere else. */
export function temporaryToken(): string {
  return `PROBE${randomBytes(6).toString("hex")}`;
}

/**
 * Creates a session whose parent is another one. Costs no run.
 *
 * @param created called with its key before the session may exist
 * @returns its key, or undefined if the release has no such sessions or does not allow one
 */
export async function makeChild(
  creator: Listener,
  parent: string,
  agent: string,
  created: (key: string) => void,
): Promise<string | undefined> {
  if (!creator.hello.features.methods.includes("sessions.create")) return undefined;
  const key = temporaryKey(agent);
  created(key);
  try {
    const made = await creator.request<{ key?: unknown }>("sessions.create", { key, parentSessionKey: parent });
    return typeof made.key === "string" ? made.key : key;
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}

export interface CronOptions {
  readonly agent: string;
  readonly message: string;
  readonly runTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly created: (key: string) => void;
}

export interface CronOutcome {
  readonly session?: KnownSession;
  /** Why it did not finish. */
  readonly problem?: string;
  /** The job, if it could not be removed. */
  readonly leftBehind?: string;
}

const POLL_MS = 500;
/** Only the probe itself runs the job. */
const FAR_MS = 24 * 3_600_000;

/**
 * Adds a cron job, runs it once, and removes it. Its session is named after the job. The agent's reply goes to no
 * channel.
 */
export async function runCronJob(listeners: Listeners, options: CronOptions): Promise<CronOutcome> {
  const { agent, message, created } = options;
  const tokens = [temporaryToken(), temporaryToken()];
  let admin: Connection;
  try {
    admin = await listeners.open(["operator.admin", "operator.read", "operator.write"]);
  } catch (error) {
    return { problem: reason(error) };
  }
  let id: string | undefined;
  let session: KnownSession | undefined;
  const outcome = async (): Promise<CronOutcome> => {
    try {
      id = await addJob(admin, agent, `isolation probe ${tokens[0]}`, message.replaceAll("{token}", tokens[1]!));
      const key = `agent:${agent}:cron:${id}`;
      created(key);
      session = { name: "cron job", key, tokens, runIds: [] };
      await admin.request("cron.run", { id, mode: "force" });
      const ended = await runEnded(admin, id, options);
      return ended ? { session } : { session, problem: MESSAGES.cronTimedOut };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return { ...(session ? { session } : {}), problem: reason(error) };
    }
  };
  const ran = await outcome();
  if (id === undefined) return ran;
  try {
    await admin.request("cron.remove", { id });
    return ran;
  } catch (error) {
    return { ...ran, leftBehind: `the cron job ${id} (${reason(error)})` };
  }
}

async function addJob(admin: Connection, agentId: string, name: string, message: string): Promise<string> {
  const added = await admin.request<{ id?: unknown; job?: { id?: unknown } }>("cron.add", {
    name,
    agentId,
    schedule: { kind: "at", at: new Date(Date.now() + FAR_MS).toISOString() },
    sessionTarget: "isolated",
    wakeMode: "next-heartbeat",
    payload: { kind: "agentTurn", message },
    deleteAfterRun: false,
    delivery: { mode: "none" },
  });
  return String(added.id ?? added.job?.id);
}

async function runEnded(admin: Connection, id: string, { runTimeoutMs, signal }: CronOptions): Promise<boolean> {
  const deadline = Date.now() + runTimeoutMs;
  while (Date.now() < deadline && !signal.aborted) {
    const { entries } = await admin.request<{ entries?: unknown }>("cron.runs", { id, limit: 1 });
    if (Array.isArray(entries) && entries.length > 0) return true;
    await sleep(POLL_MS);
  }
  return false;
}

function reason(error: unknown): string {
  return error instanceof Failure ? error.message : oneLine(String(error));
}
