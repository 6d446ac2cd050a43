/** One connection of the probe: its requests, and every frame that it gets. */
import type { SeenFrame } from "../report/attribute.ts";
import type { Witness } from "../report/observe.ts";
import { type Connection, connectGateway, type ConnectOptions, RequestError } from "./connect.ts";
import { createDevice } from "./device.ts";

/** Far more than a probe's own traffic; a busy gateway must not fill the memory. */
const MAX_FRAMES = 20_000;

export interface Listener extends Connection {
  readonly name: string;
  /** Frames beyond the limit, which are only counted. */
  readonly dropped: () => number;
  /** Notes that from now on it is entitled to a session's frames. */
  claims(session: number): void;
  /** Notes that from now on it no longer is. */
  leaves(session: number): void;
  /** Resolves with the first wanted frame, past or future; with undefined after the time limit. */
  seen(wanted: (frame: SeenFrame) => boolean, timeoutMs: number, signal: AbortSignal): Promise<SeenFrame | undefined>;
  witness(): Witness;
}

export interface ListenerOptions {
  readonly name: string;
  readonly asked: string;
  readonly write?: boolean;
  readonly caps?: readonly string[];
  /** It will ask for the list of sessions. */
  readonly roster?: boolean;
  readonly sends?: readonly number[];
}

/** Opens connections to one gateway, all with one clock and one way to authenticate. */
export class Listeners {
  readonly #connect: Pick<ConnectOptions, "url" | "token" | "tlsFingerprint">;
  readonly #startedAt = Date.now();
  readonly #open: Connection[] = [];
  #device = false;

  constructor(connect: Pick<ConnectOptions, "url" | "token" | "tlsFingerprint">) {
    this.#connect = connect;
  }

  /** Milliseconds since the start. */
  now(): number {
    return Date.now() - this.#startedAt;
  }

  /**
   * Determines whether this gateway gives a connection without a device identity its scopes. Releases from about
   * 2026.3.13 to 2026.4.15 do not.
   *
   * @throws {Failure} if the connection fails, or gets no scope either way
   */
  async settle(): Promise<void> {
    for (const device of [false, true]) {
      this.#device = device;
      const connection = await this.open(["operator.read"]);
      try {
        await connection.request("sessions.list", { limit: 1 });
        return;
      } catch (error) {
        if (device || !(error instanceof RequestError && error.missingScope)) throw error;
      } finally {
        await connection.close();
      }
    }
  }

  /** A connection whose frames are not recorded. */
  async open(scopes: readonly string[], more: Partial<ConnectOptions> = {}): Promise<Connection> {
    const connection = await connectGateway({
      ...this.#connect,
      ...more,
      scopes,
      device: this.#device ? createDevice() : undefined,
    });
    this.#open.push(connection);
    return connection;
  }

  /** A connection whose frames are recorded. */
  async listen(options: ListenerOptions): Promise<Listener> {
    const { name, asked, caps = [], roster, sends } = options;
    const scopes = options.write ? ["operator.read", "operator.write"] : ["operator.read"];
    const frames: SeenFrame[] = [];
    const claims: { session: number; fromMs: number; untilMs?: number }[] = [];
    const waiting = new Set<(frame: SeenFrame) => void>();
    let dropped = 0;
    const connection = await this.open(scopes, {
      caps,
      onEvent: ({ event, payload, seq, ...rest }) => {
        if (frames.length >= MAX_FRAMES) {
          dropped += 1;
          return;
        }
        const json = JSON.stringify({ ...rest, event, payload, seq });
        const frame: SeenFrame = { atMs: this.now(), event, payload, seq, json };
        frames.push(frame);
        for (const listener of waiting) listener(frame);
      },
    });
    return {
      ...connection,
      name,
      dropped: () => dropped,
      claims: (session) => void claims.push({ session, fromMs: this.now() }),
      leaves: (session) => {
        for (const claim of claims) if (claim.session === session) claim.untilMs ??= this.now();
      },
      seen: (wanted, timeoutMs, signal) => firstOf(frames, waiting, wanted, timeoutMs, signal),
      witness: () => ({ name, asked, scopes, caps, frames, claims, roster, sends }),
    };
  }

  async closeAll(): Promise<void> {
    await Promise.allSettled(this.#open.splice(0).map((connection) => connection.close()));
  }
}

function firstOf(
  frames: readonly SeenFrame[],
  waiting: Set<(frame: SeenFrame) => void>,
  wanted: (frame: SeenFrame) => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<SeenFrame | undefined> {
  const found = frames.find(wanted);
  if (found || signal.aborted) return Promise.resolve(found);
  return new Promise((resolve) => {
    const end = (frame?: SeenFrame): void => {
      clearTimeout(timer);
      waiting.delete(look);
      signal.removeEventListener("abort", stop);
      resolve(frame);
    };
    const stop = (): void => end();
    const look = (frame: SeenFrame): void => {
      if (wanted(frame)) end(frame);
    };
    const timer = setTimeout(stop, timeoutMs);
    waiting.add(look);
    signal.addEventListener("abort", stop);
  });
}
