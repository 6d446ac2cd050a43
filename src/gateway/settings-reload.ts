/** Notices that the gateway has reloaded its configuration, and reads the settings in it again. */
import { parseSettings, type Settings } from "../policy/settings.ts";
import type { GatewayConfig } from "./types.ts";
import { reasonOf } from "../attach/log.ts";

/** How soon a change is noticed without a request. */
const EVERY_MS = 1_000;

/** The settings that take effect without a restart. */
export type Reloadable = Pick<Settings, "access" | "observers">;

interface ReloadHost {
  /** The gateway's configuration: the same object until it is reloaded, where the release keeps one. */
  config(): GatewayConfig;
  apply(settings: Reloadable): void;
  /** The new settings are wrong, and the old ones stay. Called once for each wrong configuration. */
  failed(reason: string): void;
}

export class SettingsReload {
  readonly #host: ReloadHost;
  #seen: GatewayConfig | undefined;
  #inForce: string;
  #timer: NodeJS.Timeout | undefined;
  #failure: string | undefined;

  constructor(host: ReloadHost, inForce: Reloadable) {
    this.#host = host;
    this.#inForce = textOf(inForce);
  }

  /**
   * Checks every second from now on, and when {@link check} is called. Only for releases whose configuration getter
   * is cheap.
   */
  watch(): void {
    this.#timer = setInterval(() => this.check(), EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Applies what has changed since the last check, if there is a watch. Never throws. */
  check(): void {
    if (!this.#timer) return;
    try {
      const config = this.#host.config();
      if (config === this.#seen) return;
      this.#seen = config;
      const settings = parseSettings(config.plugins?.entries?.["event-isolation"]?.config);
      this.#failure = undefined;
      const text = textOf(settings);
      if (text === this.#inForce) return;
      this.#inForce = text;
      this.#host.apply(settings);
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === this.#failure) return;
      this.#failure = reason;
      this.#host.failed(reason);
    }
  }
}

function textOf({ access, observers }: Reloadable): string {
  return JSON.stringify([access, observers]);
}
