/** A client that does everything but what it should, by random choice. */
import { randomUUID } from "node:crypto";
import { connectRaw, type Endpoint, type RawClient } from "../../test/support/wire/clients.ts";
import { OPENS, OPENS_REFUSED } from "../../test/support/scene/opens.ts";
import { createDevice, type Device } from "../../test/support/gateway/device.ts";
import type { Log, Sent, Session } from "./oracle.ts";
import type { Random } from "./random.ts";

/** Methods that only read, whatever they are called with. */
const READS = /(?:^|[.-])(?:list|get|status|describe|resolve|usage|preview|wait|history|presence)$/;

export interface Targets {
  readonly sessions: readonly Session[];
  /** Ids of the victims' runs so far. */
  readonly runIds: readonly string[];
}

/** The code of a WebSocket that ended without a close frame. */
const ABNORMAL = 1006;

/** One hostile client; it may be several connections, one after the other. */
export class Hostile {
  readonly #gateway: Endpoint;
  readonly #name: string;
  readonly #random: Random;
  readonly #logs: (Log & { readonly sent: Sent[]; killed?: boolean })[] = [];
  /** Half of them prove who they are, and come back as the same. */
  readonly #device: Device | undefined;
  #client: RawClient | undefined;
  #gone = true;
  requests = 0;

  constructor(gateway: Endpoint, name: string, random: Random) {
    this.#gateway = gateway;
    this.#name = name;
    this.#random = random;
    this.#device = random.chance(0.5) ? createDevice() : undefined;
  }

  get logs(): readonly Log[] {
    return this.#logs;
  }

  /** Does one thing. The gateway's answer is not a failure; a gateway that has gone is. */
  async act(targets: Targets): Promise<void> {
    const client = this.#gone ? await this.#connect() : this.#client!;
    const random = this.#random;
    const { key } = random.pick(targets.sessions);
    const deed = random.below(100);
    if (deed < 12) this.#open(client, key);
    else if (deed < 26) this.#send("sessions.messages.unsubscribe", { key: this.#spelling(key) });
    else if (deed < 46) this.#open(client, this.#nearMiss(key));
    else if (deed < 70) this.#read(client, key, targets.runIds);
    else if (deed < 76) this.#send(random.chance(0.5) ? "sessions.subscribe" : "sessions.unsubscribe", {});
    else if (deed < 82) this.#talk(targets.runIds);
    else if (deed < 94) client.sendRaw(this.#garbage());
    else await this.#leave();
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }

  async #connect(): Promise<RawClient> {
    const random = this.#random;
    const name = `${this.#name}.${this.#logs.length}`;
    const options = {
      name,
      scopes: random.chance(0.4) ? ["operator.read"] : ["operator.read", "operator.write"],
      caps: ["tool-events", "session-scoped-events"].filter(() => random.chance(0.3)),
      ...(this.#device && { device: this.#device }),
    };
    // A busy gateway closes a connection whose handshake takes too long.
    const client = await connectRaw(this.#gateway, options).catch(() => connectRaw(this.#gateway, options));
    this.#client = client;
    this.#gone = false;
    void this.#watch(client);
    this.#logs.push({ name, lines: client.lines, sent: [], resumes: this.#device && this.#logs.at(-1) });
    return client;
  }

  async #watch(client: RawClient): Promise<void> {
    await client.closed;
    if (this.#client === client) this.#gone = true;
  }

  #send(method: string, params: unknown, id: string = randomUUID()): void {
    const log = this.#logs.at(-1)!;
    log.sent.push({ after: log.lines.length, id, method, params });
    this.requests += 1;
    this.#client!.sendRaw({ type: "req", id, method, params });
  }

  /** Asks for a session as an honest client would, or with a flaw for which it is refused. */
  #open(client: RawClient, key: string): void {
    if (this.#random.chance(0.1)) return this.#send(OPENS_REFUSED, { sessionKey: key });
    const offered = offeredOf(client);
    const [method, field] = this.#random.pick(
      Object.entries(OPENS).filter(([name]) => name !== "chat.send" && offered.includes(name)),
    );
    const params = { [field]: field === "keys" ? [key] : key };
    const flaws = [{ limit: "all" }, { limit: -1 }, { noSuchParameter: true }];
    this.#send(method, this.#random.chance(0.4) ? { ...params, ...this.#random.pick(flaws) } : params);
  }

  /** Any reading method that does not open sessions, with the victim's key or run wherever a parameter could take it. */
  #read(client: RawClient, key: string, runIds: readonly string[]): void {
    const random = this.#random;
    const methods = offeredOf(client).filter((name) => READS.test(name) && !(name in OPENS));
    const guesses = [
      { key },
      { sessionKey: key },
      { search: key },
      { keys: [key] },
      { runId: random.pick(["none", ...runIds]), timeoutMs: 50 },
      { sessionKey: [key] },
      { key: { toString: key } },
      { sessionKeys: [key], sessionKey: null },
      {},
    ];
    this.#send(random.pick(methods), random.pick(guesses));
  }

  /** A message to a session of its own, perhaps under the id of somebody else's run. */
  #talk(runIds: readonly string[]): void {
    const random = this.#random;
    const own = `agent:main:own-${random.word(6)}`;
    this.#send("chat.send", {
      sessionKey: own,
      message: `[[say id=${random.word(6)} n=2 delay=1]]`,
      idempotencyKey: random.chance(0.5) && runIds.length > 0 ? random.pick(runIds) : randomUUID(),
    });
  }

  #spelling(key: string): string {
    return this.#random.pick([key, key, ` ${key} `]);
  }

  /** Almost the key: none of these is the victim's session. */
  #nearMiss(key: string): string {
    const random = this.#random;
    const tail = key.slice("agent:main:".length);
    return random.pick([
      `${key}x`,
      key.slice(0, -1),
      `${key}:`,
      `${key}:thread:1`,
      `${key}\u0000`,
      `${key}%00`,
      `agent:*:${tail}`,
      `agent:main:${tail.slice(0, -2)}*`,
      `agent:main::${tail}`,
      `agent:other:${tail}`,
      `agent:main:agent:main:${tail}`,
      `agent:m\u0430in:${tail}`, // a Cyrillic letter
      `${key}\u200b`,
      encodeURIComponent(key),
      "agent:main",
      "global",
      "*",
      "",
    ]);
  }

  #garbage(): string | Buffer | object {
    const random = this.#random;
    return random.pick<() => string | Buffer | object>([
      () => "{",
      () => random.word(200),
      () => Buffer.from(random.word(64)),
      () =>
        Buffer.from(JSON.stringify({ type: "req", id: "b", method: "chat.history", params: { sessionKey: "main" } })),
      () => ({ type: "event", event: "chat", payload: { sessionKey: "agent:main:main", state: "final" } }),
      () => ({ type: "res", id: "1", ok: true }),
      () => ({ type: "req", id: "same", method: "health", params: { ["__proto__"]: { sessionKey: "x" } } }),
      () => ({ type: "req", id: 7, method: ["chat.history"], params: [] }),
      () => ({
        type: "req",
        id: "deep",
        method: "sessions.list",
        params: JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`),
      }),
      () => ({
        type: "req",
        id: "big",
        method: "chat.history",
        params: { sessionKey: random.word(10).repeat(20_000) },
      }),
    ])();
  }

  async #leave(): Promise<void> {
    const client = this.#client!;
    if (this.#random.chance(0.5)) {
      this.#logs.at(-1)!.killed = true;
      client.kill();
    } else {
      await client.close();
      // A gateway that answers no close frame in two seconds has not read the requests before it either.
      if ((await client.closed).code === ABNORMAL) this.#logs.at(-1)!.killed = true;
    }
    this.#gone = true;
  }
}

function offeredOf(client: RawClient): readonly string[] {
  return client.hello.features?.methods ?? [];
}
