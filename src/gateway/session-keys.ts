/** Makes session keys canonical with the gateway's own functions, as far as the release has them. */
import {
  canonicalSessionKey,
  MAX_SESSION_KEY_LENGTH,
  parseAgentSessionKey,
  usableSessionKey,
} from "../policy/session-key.ts";
import type { GatewayConfig } from "./types.ts";

/** Functions of the gateway; each may be missing. */
export interface KeyFunctions {
  /** Mirrors `resolveSessionStoreKey`. */
  readonly storeKey?:
    | ((params: { cfg: GatewayConfig; sessionKey: string; storeAgentId?: string }) => unknown)
    | undefined;
  /** Mirrors `resolveSessionSubscriptionKey`. */
  readonly subscriptionKey?: ((key: string, agentId: string) => unknown) | undefined;
}

/**
 * Up to 2026.3 the gateway folds letter case elsewhere than in its resolver. Later resolvers fold
 * it themselves and know the peer ids in which case matters.
 */
export function foldsCase(storeKey: NonNullable<KeyFunctions["storeKey"]>, cfg: GatewayConfig): boolean {
  return storeKey({ cfg, sessionKey: "agent:main:CASE" }) === "agent:main:case";
}

/**
 * Bound on the remembered keys, in characters: some 60,000 keys of usual length, and no more memory if a client
 * invents the longest ones. Fewer keys than live sessions would mean that every event asks the gateway's resolver.
 */
const MAX_REMEMBERED = 10_000_000;
/** Overhead of an entry, without its keys. */
const ENTRY = 100;

export class SessionKeys {
  readonly #config: () => GatewayConfig;
  readonly #functions: () => KeyFunctions;
  /** Of keys that name their agent: no other changes what they mean. `#size` is in characters, over all. */
  readonly #qualified = new Map<string, string>();
  /** Of all others by the agent named next to the key, then by key. */
  readonly #remembered = new Map<string | undefined, Map<string, string>>();
  #size = 0;
  /** How often all have been forgotten: a key may mean another session since. */
  #forgotten = 0;
  #lastConfig: GatewayConfig | undefined;

  /**
   * @param config the gateway's configuration getter; it may be slow, and is asked once a request
   * @param functions late-bound: their modules may load after the broadcaster's
   */
  constructor(config: () => GatewayConfig, functions: () => KeyFunctions) {
    this.#config = config;
    this.#functions = functions;
  }

  get forgotten(): number {
    return this.#forgotten;
  }

  /** Reads the configuration again: the default agent and the session scope can be reloaded. */
  refresh(): void {
    const config = this.#config();
    if (config === this.#lastConfig) return;
    this.#lastConfig = config;
    this.#forget();
  }

  /**
   * The key under which claims and events of a session meet.
   *
   * @param value as a client or an event holds it
   * @param agentId agent named next to the key, for keys that do not name one
   * @returns undefined for what cannot be a session key
   */
  readonly canonical = (value: unknown, agentId?: string): string | undefined => {
    // A remembered key is answered here, as for nearly every event.
    const known = this.#qualified.get(value as string) ?? this.#remembered.get(agentId)?.get(value as string);
    if (known !== undefined) return known;
    const key = usableSessionKey(value);
    if (key === undefined || (agentId !== undefined && agentId.length > MAX_SESSION_KEY_LENGTH)) return undefined;
    const resolved = usableSessionKey(this.#resolve(key, agentId));
    if (resolved === undefined) return undefined;
    // One string for both, where they are the same.
    const canonical = resolved === key ? key : resolved;
    // Dropping all of them now and then is cheaper than keeping an order among them.
    if (this.#size >= MAX_REMEMBERED) this.#forget();
    const remembered = parseAgentSessionKey(key) ? this.#qualified : this.#besides(agentId);
    if (!remembered.has(key)) this.#size += key.length + canonical.length + ENTRY;
    remembered.set(key, canonical);
    return canonical;
  };

  #besides(agentId: string | undefined): Map<string, string> {
    let remembered = this.#remembered.get(agentId);
    if (!remembered) {
      this.#remembered.set(agentId, (remembered = new Map()));
      this.#size += (agentId?.length ?? 0) + ENTRY;
    }
    return remembered;
  }

  #forget(): void {
    this.#forgotten += 1;
    this.#qualified.clear();
    this.#remembered.clear();
    this.#size = 0;
  }

  #resolve(written: string, agentId: string | undefined): unknown {
    if (!this.#lastConfig) this.refresh();
    const cfg = this.#lastConfig!;
    const { storeKey, subscriptionKey } = this.#functions();
    const key = storeKey && !foldsCase(storeKey, cfg) ? written.toLowerCase() : written;
    const parsed = parseAgentSessionKey(key);
    const resolved = storeKey
      ? storeKey({ cfg, sessionKey: key, ...(agentId !== undefined && !parsed ? { storeAgentId: agentId } : {}) })
      : canonicalSessionKey(key, { ...cfg.session, ...(agentId !== undefined ? { defaultAgentId: agentId } : {}) });
    if (resolved !== "global" || !subscriptionKey) return resolved;
    return subscriptionKey("global", parsed?.agentId ?? agentId ?? defaultAgentOf(cfg, storeKey));
  }
}

/** The gateway's default agent, read from the key of its main session. */
export function defaultAgentOf(cfg: GatewayConfig, storeKey: KeyFunctions["storeKey"]): string {
  const perSender: GatewayConfig = { ...cfg, session: { ...cfg.session, scope: "per-sender" } };
  try {
    const main = storeKey?.({ cfg: perSender, sessionKey: "main" });
    const agent = typeof main === "string" ? parseAgentSessionKey(main)?.agentId : undefined;
    if (agent !== undefined) return agent;
  } catch {
    // 2026.9 does not choose among several agents here, but takes this one elsewhere.
  }
  const agents = cfg.agents?.list ?? [];
  return (agents.find((each) => each.default === true) ?? agents[0])?.id ?? "main";
}
