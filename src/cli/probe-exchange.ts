/** The two ways to probe: a short exchange on its own sessions, or only listening. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { KnownSession, SeenFrame } from "../report/attribute.ts";
import { type Connection, RequestError } from "./connect.ts";
import { Failure, oneLine } from "./failure.ts";
import { type Listener, Listeners } from "./probe-connection.ts";
import { type CronOutcome, makeChild, runCronJob, temporaryKey, temporaryToken } from "./probe-extras.ts";
import { type Conduct, LEFT, type RunEnd } from "../report/judge.ts";

export interface ExchangeOptions {
  readonly agent: string;
  /** The message; `{token}` stands for a word that occurs nowhere else. */
  readonly message: string;
  /** Whether it may add a cron job and run it once. */
  readonly allowCron: boolean;
  /** How long one run may take. */
  readonly runTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
  /** Called for each session before it may exist. */
  readonly created: (key: string) => void;
}

export interface Conducted {
  readonly sessions: readonly KnownSession[];
  readonly listeners: readonly Listener[];
  readonly conduct: Conduct;
}

/** Time for a frame on its way to a wrong connection to arrive. */
const SETTLE_MS = 1_000;

const SCOPED = ["session-scoped-events"];

/** Index of the session that has A as its parent. */
const CHILD = 2;

type OwnSession = { name: string; key: string; tokens: string[]; runIds: string[] };

interface Sender {
  /** Where it sends next. */
  session: OwnSession;
  index: number;
  readonly listener: Listener;
}

/**
 * Two senders, each on its own session, send twice. A third connection joins the first one's session for the first
 * round and leaves it before the second. Others never ask for either. In the second round B sends in a child of A's
 * session, if the release supports one: its frames may name only the child.
 */
export async function exchange(listeners: Listeners, options: ExchangeOptions): Promise<Conducted> {
  const { agent, progress, signal } = options;
  const senders: Sender[] = [];
  for (const [index, name] of ["A", "B"].entries()) {
    const listener = await listeners.listen({
      name,
      asked: `sends in session ${name}`,
      write: true,
      sends: index === 0 ? [0] : [1, CHILD],
    });
    senders.push({ session: { name, key: temporaryKey(agent), tokens: [], runIds: [] }, index, listener });
  }
  const [a, b] = senders as [Sender, Sender];
  const sessions: KnownSession[] = [a.session, b.session];
  const left = await listeners.listen({ name: LEFT, asked: "joins session A for round 1, then leaves" });
  const others = await bystanders(listeners);
  progress(`${2 + 1 + others.length} connections are open`);

  const runs: Conduct["runs"][number][] = [];
  const shared = a.session.key;
  const round = async (number: number): Promise<void> => {
    if (signal.aborted) return;
    progress(`round ${number} of 2: a message in each of two sessions`);
    const ends = await Promise.all(senders.map((sender) => send(sender, options)));
    runs.push(...ends.map((end, index) => ({ session: senders[index]!.session.name, round: number, end })));
    await sleep(SETTLE_MS);
  };
  const joined = await join(left, shared);
  for (const { session } of senders) options.created(session.key);
  await round(1);
  await leave(left, shared);
  const child = signal.aborted ? undefined : await makeChild(a.listener, shared, agent, options.created);
  if (child !== undefined) {
    a.listener.claims(CHILD);
    b.session = { name: "child of A, by B", key: child, tokens: [], runIds: [] };
    b.index = CHILD;
    sessions.push(b.session);
    await subscribe(b.listener, child);
  }
  await round(2);
  const cron = options.allowCron && !signal.aborted ? await cronJob(listeners, options) : undefined;
  if (cron?.session) sessions.push(cron.session);
  const all = [...senders.map(({ listener }) => listener), left, ...others];
  return {
    sessions,
    listeners: all,
    conduct: {
      mode: "exchange",
      runs,
      joined,
      ...(cron ? { cron } : {}),
      dropped: droppedBy(all),
      interrupted: signal.aborted,
    },
  };
}

async function cronJob(listeners: Listeners, options: ExchangeOptions): Promise<CronOutcome> {
  options.progress("a cron job, once");
  const outcome = await runCronJob(listeners, options);
  await sleep(SETTLE_MS);
  return outcome;
}

/** Only listens, with connections that ask for no session in use. */
export async function passive(
  listeners: Listeners,
  options: { readonly agent: string; readonly seconds: number; readonly signal: AbortSignal },
): Promise<Conducted> {
  const others = await bystanders(listeners);
  const left = await listeners.listen({ name: LEFT, asked: "joined and left a session that nobody uses" });
  const key = temporaryKey(options.agent);
  await join(left, key);
  await leave(left, key);
  const before = await updates(others[0]!);
  await sleep(options.seconds * 1_000, undefined, { signal: options.signal }).catch(() => undefined);
  const after = await updates(others[0]!);
  const active = before && after && [...after].filter(([each, at]) => before.get(each) !== at).length;
  const all = [...others, left];
  return {
    sessions: [],
    listeners: all,
    conduct: {
      mode: "passive",
      runs: [],
      joined: undefined,
      active,
      seconds: options.seconds,
      dropped: droppedBy(all),
      interrupted: options.signal.aborted,
    },
  };
}

async function bystanders(listeners: Listeners): Promise<Listener[]> {
  const others = [
    await listeners.listen({ name: "bystander", asked: "asks for nothing" }),
    await listeners.listen({ name: "scoped cap", asked: "asks for nothing, with upstream's opt-in cap", caps: SCOPED }),
  ];
  // The list of sessions differs from their content.
  const roster = await listeners.listen({
    name: "roster",
    asked: "asks for the list of sessions, with upstream's opt-in cap",
    caps: SCOPED,
    roster: true,
  });
  try {
    await roster.request("sessions.subscribe");
    others.push(roster);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    await roster.close(); // an old release, or one that forbids it
  }
  return others;
}

/** Sends one message and waits for its sender to see the run's end. */
async function send({ session, index, listener }: Sender, options: ExchangeOptions): Promise<RunEnd> {
  const token = temporaryToken();
  const idempotencyKey = randomUUID();
  session.tokens.push(token);
  session.runIds.push(idempotencyKey);
  listener.claims(index);
  const { runId } = await listener.request<{ runId?: unknown }>("chat.send", {
    sessionKey: session.key,
    message: options.message.replaceAll("{token}", token),
    idempotencyKey,
  });
  if (typeof runId === "string" && runId !== idempotencyKey) session.runIds.push(runId);
  const ids = new Set([idempotencyKey, String(runId)]);
  const last = await listener.seen((frame) => endOf(frame, ids) !== undefined, options.runTimeoutMs, options.signal);
  return (last && endOf(last, ids)) ?? "missing";
}

/** How a frame ends one of these runs; undefined if it does not. */
function endOf({ event, payload }: SeenFrame, runIds: ReadonlySet<string>): RunEnd | undefined {
  const { runId, state, stream, data } = (payload ?? {}) as Record<string, unknown>;
  if (typeof runId !== "string" || !runIds.has(runId)) return undefined;
  if (event === "chat") return state === "final" || state === "aborted" || state === "error" ? state : undefined;
  // Some releases report a failed model call only this way.
  const failed = event === "agent" && stream === "lifecycle" && (data as { phase?: unknown } | null)?.phase === "error";
  return failed ? "error" : undefined;
}

/** Asks for a session by reading its history. False if the gateway refuses. */
async function join(listener: Listener, key: string): Promise<boolean> {
  listener.claims(0);
  try {
    await listener.request("chat.history", { sessionKey: key, limit: 1 });
    return true;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    listener.leaves(0);
    return false;
  }
}

/** Asks for the messages of a session, which newer releases send to nobody else. */
async function subscribe(listener: Listener, key: string): Promise<void> {
  listener.claims(CHILD);
  await listener.request("sessions.messages.subscribe", { key }).catch((error: unknown) => {
    if (!(error instanceof RequestError)) throw error;
  });
}

async function leave(listener: Listener, key: string): Promise<void> {
  await listener.request("sessions.messages.unsubscribe", { key }).catch((error: unknown) => {
    // Releases that do not know the method have nothing to leave; a policy in front of them may refuse it.
    if (!(error instanceof RequestError)) throw error;
  });
  listener.leaves(0);
}

/** When each session last changed, or undefined if the gateway does not say. */
async function updates(connection: Connection): Promise<Map<string, unknown> | undefined> {
  try {
    const { sessions } = await connection.request<{ sessions?: { key?: unknown; updatedAt?: unknown }[] }>(
      "sessions.list",
      { limit: 200 },
    );
    return new Map((sessions ?? []).map(({ key, updatedAt }) => [String(key), updatedAt]));
  } catch {
    return undefined;
  }
}

/**
 * Removes the probe's sessions.
 *
 * @param running whether a run may still be active in them: it is aborted and awaited
 * @returns what is left, one line each
 */
export async function removeSessions(
  listeners: Listeners,
  keys: readonly string[],
  running: boolean,
): Promise<string[]> {
  if (keys.length === 0) return [];
  let admin: Connection;
  try {
    admin = await listeners.open(["operator.admin", "operator.read", "operator.write"]);
  } catch (error) {
    return keys.map((key) => `session ${key} (cannot connect with operator.admin: ${reason(error)})`);
  }
  const left = await Promise.all(keys.map((key) => removeSession(admin, key, running)));
  return left.filter((what) => what !== undefined);
}

const REMOVE_ATTEMPTS = 10;
const REMOVE_PAUSE_MS = 1_000;

/** @returns what is left of the session */
async function removeSession(admin: Connection, key: string, running: boolean): Promise<string | undefined> {
  await admin.request("chat.abort", { sessionKey: key }).catch(() => undefined);
  let archived = false;
  let refusal = "the gateway lists it again after its deletion";
  for (let attempt = 0; attempt < REMOVE_ATTEMPTS; attempt += 1) {
    if (attempt > 0) await sleep(REMOVE_PAUSE_MS);
    try {
      const answer = await admin.request<{ archived?: unknown }>("sessions.delete", { key, deleteTranscript: true });
      archived ||= Array.isArray(answer.archived) && answer.archived.length > 0;
    } catch (error) {
      refusal = reason(error);
      if (error instanceof RequestError && error.missingScope) break;
      continue;
    }
    // A run that was just aborted may write once more and so create its session again.
    if (running) await sleep(REMOVE_PAUSE_MS);
    if (!(await updates(admin))?.has(key)) {
      return archived
        ? `the transcript of ${key}, which the gateway archived in its agent's sessions folder (only the probe's own messages; it can be deleted)`
        : undefined;
    }
  }
  return `session ${key} (${refusal})`;
}

/** The answer of `isolation.status`, if the gateway has the method. */
export async function isolationStatus(listeners: Listeners, methods: readonly string[]): Promise<unknown> {
  if (!methods.includes("isolation.status")) return undefined;
  // Releases up to 2026.7 let only an administrator use a plugin's method.
  for (const scopes of [["operator.read"], ["operator.read", "operator.admin"]]) {
    try {
      const connection = await listeners.open(scopes);
      return await connection.request("isolation.status");
    } catch (error) {
      if (!(error instanceof RequestError && error.missingScope)) return undefined;
    }
  }
  return undefined;
}

function droppedBy(listeners: readonly Listener[]): number {
  return listeners.reduce((sum, { dropped }) => sum + dropped(), 0);
}

function reason(error: unknown): string {
  return error instanceof Failure ? error.message : oneLine(String(error));
}
