/** One connection to the gateway, over reconnects: the official client, its state, and its errors as ours. */
import { GatewayClient, type GatewayClientOptions } from "@openclaw/gateway-client";
import { ClientError, isAuthFailure, requestError } from "./errors.ts";
import { isFields } from "./run-state.ts";

/** Which start of the gateway a connection speaks to. */
export interface Boot {
  readonly id: string | undefined;
  /** On this machine's clock, from the gateway's uptime. */
  readonly startedAt: number | undefined;
  /** Goes up with each announced restart, for those that keep the process. */
  readonly announced: number;
}

export interface ConnectionEvents {
  /** An event frame; `connect.challenge` excepted. */
  frame(event: string, payload: unknown): void;
  up(): void;
  down(): void;
  /** For good: it will not reconnect. */
  dead(error: ClientError): void;
}

export interface RequestOptions {
  readonly timeoutMs?: number;
  /** Called when the request has left for the gateway. */
  readonly onSent?: () => void;
}

export interface Connection {
  /** Resolves with the first hello, or rejects once it is dead or time is up. */
  open(timeoutMs: number): Promise<void>;
  /** @throws ClientError */
  request(method: string, params: object, options?: RequestOptions): Promise<Readonly<Record<string, unknown>>>;
  /** Resolves with false if there is no connection after `timeoutMs`. */
  whenUp(timeoutMs: number): Promise<boolean>;
  /** Drops a socket that does not answer, and connects anew at once; nothing if another one took its place meanwhile. */
  restart(generation: number): void;
  close(): Promise<void>;
  offers(method: string): boolean;
  readonly hello: Readonly<Record<string, unknown>>;
  readonly boot: Boot | undefined;
  /** Goes up with every hello. */
  readonly generation: number;
  /** What to add to this machine's clock to get the gateway's, in milliseconds. */
  readonly clockOffset: number;
}

export interface ConnectionOptions {
  readonly client: GatewayClientOptions;
  readonly requestTimeoutMs: number;
  readonly redact: (text: string) => string;
  readonly events: ConnectionEvents;
}

/** The official client waits 1, 2, 4, 8, … seconds between attempts; after this many we do not wait longer than that. */
const PATIENT_ATTEMPTS = 4;
const MAX_WAIT_MS = 4_000;
/** Two starts seen this close together are one. */
const SAME_BOOT_MS = 1_500;

/** Whether two hellos came from the same start of the gateway. Not known counts as no. */
export function isSameBoot(a: Boot | undefined, b: Boot | undefined): boolean {
  if (!a || !b || a.announced !== b.announced) return false;
  if (a.id !== undefined && b.id !== undefined) return a.id === b.id;
  if (a.startedAt === undefined || b.startedAt === undefined) return false;
  return Math.abs(a.startedAt - b.startedAt) < SAME_BOOT_MS;
}

/** Makes a connection; `open` connects it. */
export function createConnection({ client: options, requestTimeoutMs, redact, events }: ConnectionOptions): Connection {
  let official: GatewayClient | undefined;
  let hello: Readonly<Record<string, unknown>> = {};
  let methods: ReadonlySet<string> = new Set();
  let boot: Boot | undefined;
  let announced = 0;
  let generation = 0;
  let clockOffset: number | undefined;
  let up = false;
  let death: ClientError | undefined;
  let lastProblem = "no answer";
  /** Attempts in a row that failed, and the timer that goes before the official client's when that waits long. */
  let failures = 0;
  let sooner: NodeJS.Timeout | undefined;
  const waiting = new Set<(up: boolean) => void>();

  function settleWaiting(state: boolean): void {
    for (const resolve of waiting) resolve(state);
    waiting.clear();
  }

  function die(error: ClientError): void {
    if (death) return;
    death = error;
    up = false;
    clearTimeout(sooner);
    official?.stop();
    settleWaiting(false);
    events.dead(error);
  }

  function start(): void {
    clearTimeout(sooner);
    failures = 0;
    // A client that was replaced must not be heard any more.
    const ifCurrent =
      <A extends unknown[]>(handler: (...args: A) => void) =>
      (...args: A): void => {
        if (official === next && !death) handler(...args);
      };
    const next: GatewayClient = new GatewayClient({
      ...options,
      requestTimeoutMs,
      onEvent: ifCurrent(({ event, payload }) => {
        noteClock(event, payload);
        if (event === "shutdown") announced += 1;
        events.frame(event, payload);
      }),
      onHelloOk: ifCurrent((answer) => onHello(answer)),
      onConnectError: ifCurrent((error) => {
        lastProblem = redact(error.message);
        if (error.message.startsWith("SECURITY ERROR")) die(new ClientError("refused", lastProblem));
        else if (isAuthFailure(error))
          die(new ClientError("auth", `the gateway refused the connection: ${lastProblem}`));
      }),
      onReconnectPaused: ifCurrent(({ reason, detailCode }) => {
        const code = detailCode ?? undefined;
        die(new ClientError("refused", `the gateway refused the connection: ${redact(reason)}`, { code }));
      }),
      onClose: ifCurrent((code, reason) => {
        lastProblem = `closed with ${code} ${redact(reason)}`.trim();
        goDown();
        failures += 1;
        // Runs wait for this connection: half a minute between attempts, as the official client has it, is too long.
        if (failures >= PATIENT_ATTEMPTS) sooner = setTimeout(restart, MAX_WAIT_MS);
      }),
    });
    official = next;
    next.start();
  }

  function noteClock(event: string, payload: unknown): void {
    if (clockOffset !== undefined && event !== "tick") return;
    const ts = isFields(payload) ? payload["ts"] : undefined;
    if (typeof ts === "number") clockOffset = ts - Date.now();
  }

  function onHello(answer: unknown): void {
    hello = isFields(answer) ? answer : {};
    const features = isFields(hello["features"]) ? hello["features"]["methods"] : undefined;
    methods = new Set(Array.isArray(features) ? (features as string[]) : []);
    boot = readBoot(hello, announced);
    failures = 0;
    generation += 1;
    up = true;
    settleWaiting(true);
    events.up();
  }

  function goDown(): void {
    if (!up) return;
    up = false;
    events.down();
  }

  function restart(): void {
    if (death) return;
    const old = official;
    official = undefined;
    goDown();
    old?.stop();
    start();
  }

  function whenUp(timeoutMs: number): Promise<boolean> {
    if (up) return Promise.resolve(true);
    if (death || timeoutMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(false), timeoutMs);
      const settle = (state: boolean): void => {
        clearTimeout(timer);
        waiting.delete(settle);
        resolve(state);
      };
      waiting.add(settle);
    });
  }

  return {
    async open(timeoutMs) {
      start();
      if (await whenUp(timeoutMs)) return;
      if (death) throw death;
      const error = new ClientError("disconnected", `no connection in ${timeoutMs} ms: ${lastProblem}`, {
        retryable: true,
      });
      die(error);
      throw error;
    },
    async request(method, params, { timeoutMs, onSent } = {}) {
      if (death) throw death;
      if (!up || !official) throw new ClientError("disconnected", `${method}: not connected`);
      try {
        const more = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(onSent ? { onSent } : {}) };
        return (await official.request(method, params, more)) ?? {};
      } catch (error) {
        throw requestError(method, error, redact);
      }
    },
    whenUp,
    restart(of) {
      if (of === generation && up) restart();
    },
    async close() {
      const last = official;
      die(new ClientError("closed", "the client was closed"));
      await last?.stopAndWait({ timeoutMs: 2_000 }).catch(() => undefined);
    },
    offers: (method) => methods.has(method),
    get hello() {
      return hello;
    },
    get boot() {
      return boot;
    },
    get generation() {
      return generation;
    },
    get clockOffset() {
      return clockOffset ?? 0;
    },
  };
}

function readBoot(hello: Readonly<Record<string, unknown>>, announced: number): Boot {
  const server = isFields(hello["server"]) ? hello["server"] : {};
  const snapshot = isFields(hello["snapshot"]) ? hello["snapshot"] : {};
  const { bootId } = server;
  const { uptimeMs } = snapshot;
  return {
    id: typeof bootId === "string" ? bootId : undefined,
    startedAt: typeof uptimeMs === "number" ? Date.now() - uptimeMs : undefined,
    announced,
  };
}
