/** Which sessions a webhook may wake. Mirrors the checks of 2026.9's `resolveHookSessionKey`. */
import { parseAgentSessionKey } from "./session-key.ts";
import { agentIdOf } from "./cron-keys.ts";
import { MESSAGES } from "../messages.ts";

/** Settings `hooks`: they apply where the gateway's own configuration sets nothing. */
export interface HookSettings {
  readonly allowRequestSessionKey: boolean;
  readonly allowedSessionKeyPrefixes: readonly string[];
}

/** `hooks` of the gateway's configuration, untrusted in shape; fields that a release lacks are undefined. */
export interface HookConfig {
  readonly allowRequestSessionKey?: unknown;
  readonly allowedSessionKeyPrefixes?: unknown;
  readonly allowedAgentIds?: unknown;
}

/**
 * Where a hook's session key comes from: a key that a sender cannot choose is trusted like the configuration.
 * `agent`: the hook names an agent alone, so the rules for session keys do not apply.
 */
export type HookKeySource = "request" | "mapping-templated" | "mapping-static" | "agent";

/** A hook's target, as written and as it was understood. */
export interface HookTarget {
  readonly written: string;
  /** Canonical. */
  readonly sessionKey: string;
  readonly agentId: string;
}

/** Whether a hook may name a session at all: asked before the key is read. @returns why not */
export function hookKeyRefusal(source: HookKeySource, config: HookConfig, settings: HookSettings): string | undefined {
  const allow = config.allowRequestSessionKey ?? settings.allowRequestSessionKey;
  return source === "mapping-static" || source === "agent" || allow === true ? undefined : MESSAGES.hookKeyDisabled;
}

/**
 * Whether a hook may wake a session. Both the key as written and the session that it means must begin with an allowed
 * prefix: a cron run's key does not open the main session.
 *
 * @returns why not, in upstream's words; undefined if it may
 */
export function hookSessionRefusal(
  { written, sessionKey, agentId }: HookTarget,
  source: HookKeySource,
  config: HookConfig,
  settings: HookSettings,
): string | undefined {
  const disabled = hookKeyRefusal(source, config, settings);
  if (disabled !== undefined) return disabled;
  const agents = listOf(config.allowedAgentIds);
  if (agents && !agents.includes("*") && !agents.some((id) => agentIdOf(id) === agentId)) {
    return MESSAGES.hookAgentDenied;
  }
  if (source === "agent") return undefined;
  const prefixes = prefixesOf(config.allowedSessionKeyPrefixes) ?? prefixesOf(settings.allowedSessionKeyPrefixes);
  const meant = [sessionKey, parseAgentSessionKey(sessionKey)?.rest ?? ""];
  if (prefixes && !(begins([written.trim()], prefixes) && begins(meant, prefixes))) {
    return MESSAGES.hookKeyPrefix(prefixes.join(", "));
  }
  return undefined;
}

function begins(keys: readonly string[], prefixes: readonly string[]): boolean {
  return keys.some((key) => prefixes.some((prefix) => key.toLowerCase().startsWith(prefix)));
}

/** As upstream: an empty list of prefixes allows any key. */
function prefixesOf(value: unknown): readonly string[] | undefined {
  const prefixes = listOf(value)?.map((prefix) => prefix.toLowerCase());
  return prefixes && prefixes.length > 0 ? prefixes : undefined;
}

function listOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((each): each is string => typeof each === "string");
  return texts.map((each) => each.trim()).filter((each) => each !== "");
}
