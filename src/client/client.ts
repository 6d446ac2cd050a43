/** The client: one connection, its chats and subscriptions. */
import { canonicalSessionKey } from "../policy/session-key.ts";
import { startRun } from "./chat-run.ts";
import { type ChatRun, createChatRun } from "./chat-stream.ts";
import { createClaims } from "./claims.ts";
import { createConnection } from "./connection.ts";
import { ClientError, redactor } from "./errors.ts";
import { checkChat, checkUrl, deviceOptions, positive, readSettings, readToken } from "./options.ts";
import { readKeyDefaults, requireSessionKey, sessionMatcher } from "./own-session.ts";
import { createRunTable, type RunCore, type RunHost } from "./run-table.ts";
import { createSubscription, type SubscribeOptions, type Subscription, type SubscriptionCore } from "./subscription.ts";
import { type HistoryMessage, readMessages } from "./transcript.ts";
import { createTurns } from "./turns.ts";
import type { ChatOptions, ConnectOptions, Dropped } from "./types.ts";

/** A connected client. */
export interface Client {
  /**
   * Sends a message to a session and streams the reply of that run, and of nothing else. Chats on one session run one
   * after the other; on different sessions side by side.
   *
   * @throws ClientError of kind `invalid-argument`; everything later is an event of the stream
   */
  chat(options: ChatOptions): ChatRun;
  /**
   * The messages of a session, oldest first, as the gateway tells them (`chat.history`).
   *
   * @param options `limit`: at most this many of the newest; default 200
   * @throws ClientError
   */
  history(sessionKey: string, options?: { readonly limit?: number }): Promise<HistoryMessage[]>;
  /**
   * Everything that happens in a session, whoever caused it, until it is closed.
   *
   * @throws ClientError of kind `invalid-argument`
   */
  subscribe(sessionKey: string, options?: SubscribeOptions): Subscription;
  /**
   * Gives the agent a text to act on and wakes its heartbeat now (`wake`). Without a session key: the main session.
   *
   * @throws ClientError `unsupported` for another session on releases that would send it to the main session
   */
  wake(options: { readonly text: string; readonly sessionKey?: string }): Promise<void>;
  /** Counts of frames dropped because they were not this client's, since the start. */
  readonly dropped: Readonly<Dropped>;
  /** `connected`, `reconnecting`, or `closed` for good. */
  readonly state: "connected" | "reconnecting" | "closed";
  /** The gateway's release and protocol, as of the last hello. */
  readonly server: { readonly version: string | undefined; readonly protocol: number | undefined };
  /** Closes the connection. Chats that still run end with an error of kind `closed`; the gateway goes on with them. */
  close(): Promise<void>;
}

const CAPS = ["tool-events"];
/** 2026.9 shows approvals to clients that announce it only, and waits for an answer as long as there is one. */
const APPROVER = { scope: "operator.approvals", caps: [...CAPS, "approvals"] };
const SCOPES = ["operator.read", "operator.write"];
const MAX_LATE_ABORTS = 100;
/** Far below what a gateway with the module allows one connection (`limits.claimsPerConnection`). */
const MAX_CLAIMS = 1_000;

/**
 * Connects to a gateway, protocol 3 or 4, and keeps the connection: after a loss it reconnects by itself.
 *
 * @throws ClientError `invalid-argument`, `auth`, `refused`, or `disconnected` after `connectTimeoutMs`
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const settings = readSettings(options);
  const url = checkUrl(options.url);
  const token = await readToken(options);
  const redact = redactor([token, options.deviceIdentity?.privateKeyPem]);
  const table = createRunTable();
  const live = new Set<RunCore>();
  const subscriptions = new Set<SubscriptionCore>();
  const lateAborts = new Map<string, { sessionKey: string; until: number }>();
  let state: Client["state"] = "reconnecting";
  let death: ClientError | undefined;
  let keyDefaults = readKeyDefaults(undefined);

  const connection = createConnection({
    client: {
      url,
      ...(token === undefined ? {} : { token }),
      clientName: "gateway-client",
      mode: "backend",
      ...(options.displayName === undefined ? {} : { clientDisplayName: options.displayName }),
      role: "operator",
      scopes: [...(options.scopes ?? SCOPES)],
      caps: options.scopes?.includes(APPROVER.scope) ? APPROVER.caps : CAPS,
      minProtocol: 3,
      maxProtocol: 4,
      ...deviceOptions(options.deviceIdentity),
    },
    requestTimeoutMs: settings.requestTimeoutMs,
    redact,
    events: {
      frame(event, payload) {
        let taken = false;
        for (const subscription of subscriptions) taken = subscription.read(event, payload) || taken;
        table.route(event, payload, taken);
      },
      up() {
        state = "connected";
        keyDefaults = readKeyDefaults(connection.hello);
        claims.clear();
        sendLateAborts();
        for (const subscription of subscriptions) subscription.up();
      },
      down() {
        state = "reconnecting";
        for (const run of live) run.interrupted();
      },
      dead(error) {
        state = "closed";
        death = error;
        for (const part of [...live, ...subscriptions]) part.fail(error);
      },
    },
  });

  function sendLateAborts(): void {
    for (const [runId, { sessionKey, until }] of lateAborts) {
      lateAborts.delete(runId);
      if (Date.now() < until) connection.request("chat.abort", { sessionKey, runId }).catch(() => undefined);
    }
  }

  const canonical = (key: string): string => canonicalSessionKey(key, keyDefaults);
  const claims = createClaims(
    MAX_CLAIMS,
    (session) => [...live, ...subscriptions].some((part) => canonical(part.sessionKey) === session),
    (key) => void connection.request("sessions.messages.unsubscribe", { key }).catch(() => undefined),
  );
  const host: RunHost = {
    connection,
    table,
    turns: createTurns(settings.maxWaitingChats),
    settings,
    redact,
    ownsKey: (own) => sessionMatcher(own, () => keyDefaults),
    canonical,
    claim: (key) => claims.use(canonical(key), key),
    live,
    abortLater(sessionKey, runId) {
      if (lateAborts.size < MAX_LATE_ABORTS) {
        lateAborts.set(runId, { sessionKey, until: Date.now() + settings.recoverMs });
      }
    },
  };

  await connection.open(settings.connectTimeoutMs);
  return {
    chat(chatOptions) {
      const request = checkChat(chatOptions);
      if (death) throw death;
      return createChatRun(startRun(host, request));
    },
    async history(sessionKey, { limit = 200 } = {}) {
      const key = requireSessionKey(sessionKey);
      host.claim(key);
      return readMessages(
        await connection.request("chat.history", { sessionKey: key, limit: positive("limit", limit, 200) }),
      );
    },
    subscribe(sessionKey, subscribeOptions = {}) {
      const key = requireSessionKey(sessionKey);
      if (death) throw death;
      const subscription = createSubscription(
        {
          connection,
          maxQueuedEvents: settings.maxQueuedEvents,
          ownsKey: host.ownsKey(key),
          isOwnRun: table.has,
          closed(core) {
            subscriptions.delete(core);
            claims.release(canonical(key), key);
          },
        },
        key,
        subscribeOptions,
      );
      subscriptions.add(subscription);
      host.claim(key);
      if (state === "connected") subscription.up();
      return subscription.handle;
    },
    async wake({ text, sessionKey }) {
      if (typeof text !== "string" || text.trim() === "") throw new ClientError("invalid-argument", "text is empty");
      const key = sessionKey === undefined ? undefined : requireSessionKey(sessionKey);
      // Protocol 3 either refuses the key or sends the text to the main session in silence.
      const isMain = key === undefined || host.canonical(key) === host.canonical("main");
      if (!isMain && connection.hello["protocol"] === 3) {
        const message = "wake: this release wakes the main session only; leave sessionKey out or update the gateway";
        throw new ClientError("unsupported", message, { retryable: true });
      }
      await connection.request("wake", { mode: "now", text, ...(isMain ? {} : { sessionKey: key }) });
    },
    dropped: table.dropped,
    get state() {
      return state;
    },
    get server() {
      const { server, protocol } = connection.hello as { server?: { version?: string }; protocol?: number };
      return { version: server?.version, protocol };
    },
    close: () => connection.close(),
  };
}
