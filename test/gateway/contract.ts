/** What the contract cases share: two gateways, clients that are checked, and what counts as a leak. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, onTestFinished } from "vitest";
import { isExcused } from "../../src/report/excuses.ts";
import { secretFinder } from "../../src/report/secrets.ts";
import {
  type Client,
  connectOfficial,
  connectRaw,
  field,
  type ConnectOptions,
  type Endpoint,
  type RawClient,
  type RecordedFrame,
} from "../support/wire/clients.ts";
import { wordsOf } from "../support/gateway/script.ts";

/** After the last expected frame: how long a leak may take to show itself. */
const QUIET_MS = 700;

export interface Gateways {
  /** The control gateway. */
  readonly plain: Endpoint;
  /** The same with the module. */
  readonly isolated: Endpoint;
}

/** The two gateways that all files share. */
export function gateways(): Gateways {
  return { plain: inject("plain"), isolated: inject("isolated") };
}

/** Connects an official client that is closed with the test; its numbering is checked then. */
export async function connect(gateway: Endpoint, options: ConnectOptions = {}): Promise<Client> {
  return kept(gateway, await connectOfficial(gateway, options));
}

/** The same with a hand-written client. */
export async function connectByHand(gateway: Endpoint, options: ConnectOptions = {}): Promise<RawClient> {
  return kept(gateway, await connectRaw(gateway, options));
}

function kept<T extends Client>(gateway: Endpoint, client: T): T {
  onTestFinished(async () => {
    await client.close();
    // Up to 2026.4 a control gateway leaves its own gaps, for events that a client's scopes hide.
    if (gateway.url === inject("plain").url) return;
    // Invariant 3 holds for every client of every case.
    expect({ gaps: client.gaps(), repeats: client.repeats() }, `sequence numbers of ${client.name}`).toEqual({
      gaps: 0,
      repeats: 0,
    });
  });
  return client;
}

let serial = 0;

/** A session key and a token that nothing else in the run contains. */
export function freshSession(label = "s"): { key: string; id: string } {
  serial += 1;
  const id = `T${serial}X${randomBytes(4).toString("hex")}`;
  return { key: `agent:main:${label}-${id.toLowerCase()}`, id };
}

let messages = 0;

/**
 * The message that makes the model answer with `chunks` chunks of an id. No two are the same: 2026.5 takes a text that
 * a session has just had for the same message, also when its run has had its final, and then runs nothing.
 */
export function say(id: string, chunks = 8, delayMs = 25): string {
  messages += 1;
  return `${messages}: [[say id=${id} n=${chunks} delay=${delayMs}]]`;
}

/** The text that the model sends for {@link say}. */
export function answer(id: string, chunks = 8): string {
  return wordsOf(id, chunks).join("");
}

/** 2026.5 answers a message that follows a final at once with an empty one, module or not. */
const BETWEEN_MESSAGES_MS = 500;

/** Runs one message in a session to its end, and returns the final text. */
export async function converse(client: Client, key: string, message: string): Promise<string> {
  const { runId } = await client.chat(key, message);
  await client.final(runId);
  await sleep(BETWEEN_MESSAGES_MS);
  return client.text(runId);
}

/** Waits as long as a stray frame may take. */
export async function settle(): Promise<void> {
  await sleep(QUIET_MS);
}

/**
 * The frames at a client that carry something of a session: a token or the session key, however
 * written and wherever. What the shared judge excuses, such as keys in `health`, is left out.
 */
export function traces(client: Client, session: { key: string; id: string }): RecordedFrame[] {
  const finder = secretFinder<"session key" | "text">([
    { session: 0, kind: "session key", text: session.key },
    { session: 0, kind: "text", text: session.id },
  ]);
  return client.frames.filter(
    ({ event, json }) =>
      finder.inText(json).size > 0 && finder.inValue(JSON.parse(json)).some((trace) => !isExcused(event, trace)),
  );
}

/** Whether the gateway lists a method in its hello. */
export function offers(client: Client, method: string): boolean {
  return client.hello.features.methods.includes(method);
}

/** Frames of one kind, as event name and payload, for comparing what two clients saw. */
export function contents(frames: readonly RecordedFrame[]): string[] {
  return frames.map((frame) => JSON.stringify([frame.event, frame.payload]));
}

/** Checks that a client's own frames of a run came in order and each once. */
export function expectInOrder(client: Client, runId: string): void {
  const own = client.frames.filter((frame) => (frame.payload as { runId?: unknown } | undefined)?.runId === runId);
  const agent = own.filter((frame) => frame.event === "agent").map((frame) => (frame.payload as { seq: number }).seq);
  expect(agent, "numbers of agent frames in their run").toEqual([...new Set(agent)].toSorted((a, b) => a - b));
  expect(contents(own), "no frame twice").toHaveLength(new Set(contents(own)).size);
  const last = own.findLast((frame) => frame.event === "chat");
  expect(field(last, "state")).toMatch(/final|aborted|error/);
}
