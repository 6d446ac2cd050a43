/** Names in the gateway's log, once for each kind of client, those that listen and get nothing. */
import { silentLine } from "../policy/silence.ts";
import type { ConnectionStatus } from "../status.ts";
import { MESSAGES } from "../messages.ts";

/** How often connections are checked. */
const EVERY_MS = 5_000;

/** How many kinds the log names: a client can choose any name, and the log must not grow with that. */
const MAX_KINDS = 32;

interface SilentClientsHost {
  /** The connections that are silent now. */
  look(now: number): readonly ConnectionStatus[];
  say(message: string): void;
  failed(): void;
}

export class SilentClients {
  readonly #host: SilentClientsHost;
  readonly #named = new Set<string>();
  #started = false;

  constructor(host: SilentClientsHost) {
    this.#host = host;
  }

  /** Begins to look; a second call changes nothing. Keeps no process alive. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    setInterval(() => this.look(performance.now()), EVERY_MS).unref();
  }

  /** Names the silent clients whose kind was not named before. Never throws. */
  look(now: number): void {
    try {
      for (const silent of this.#host.look(now)) this.#name(silent);
    } catch {
      this.#host.failed();
    }
  }

  #name(silent: ConnectionStatus): void {
    const { id, mode, displayName, userAgent } = silent;
    const kind = JSON.stringify([id, mode, displayName ?? userAgent]);
    if (this.#named.has(kind) || this.#named.size >= MAX_KINDS) return;
    this.#named.add(kind);
    this.#host.say(silentLine(silent));
    if (this.#named.size === MAX_KINDS) this.#host.say(MESSAGES.silentClientsFull);
  }
}
