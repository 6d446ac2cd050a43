/**
 * Webhooks that name the session to wake, or an agent: `/hooks/wake` and hook mappings with `action: "wake"`. Up to
 * 2026.7 the release drops both; from 2026.8 on it accepts one, but moves a key of another agent to its default
 * agent.
 */
import type { Fields } from "../policy/fields.ts";
import type { HookKeySource } from "../policy/hook-target.ts";
import { given } from "../policy/wake-target.ts";
import { currentRedirect, type Redirect, redirected } from "./redirect.ts";
import type { Resolved, TargetedWakes } from "./requests.ts";
import { MESSAGES } from "../messages.ts";

/** What the release's parsers answer. */
type Parsed = {
  readonly ok: boolean;
  readonly error?: string;
  readonly value?: Fields;
  readonly action?: Fields | null;
};

type Handler = (req: unknown, res: unknown, ...rest: unknown[]) => Promise<unknown>;
type Replace = (original: (...args: never[]) => unknown) => unknown;

/**
 * Replaces the functions behind the gateway's webhooks.
 *
 * @returns by function name, what makes the replacement from the release's own function
 */
export function hookWakeReplacements(wakes: TargetedWakes): Readonly<Record<string, Replace>> {
  return {
    createHooksRequestHandler: (original) => handleHooks(original as (...args: unknown[]) => Handler, wakes),
    normalizeWakePayload: (original) => targetPayload(original as (payload: Fields) => Parsed, wakes),
    buildActionFromMapping: (original) => keepKey(original as BuildAction, wakes),
    mergeAction: (original) => targetAction(original as MergeAction, wakes),
  };
}

/** Any request may name a session; that is known only once its body is read. */
function handleHooks(create: (...args: unknown[]) => Handler, wakes: TargetedWakes) {
  return function createHooksRequestHandler(...args: unknown[]): Handler {
    const handle = create(...args);
    return async (req, res, ...rest) => {
      const redirect: Redirect = { session: undefined, events: new Map(), open: true };
      try {
        return await redirected(redirect, () => handle(req, res, ...rest));
      } finally {
        wakes.wake(redirect);
      }
    };
  };
}

/** Wraps `normalizeWakePayload`, which reads the body of `/hooks/wake`. */
function targetPayload(original: (payload: Fields) => Parsed, wakes: TargetedWakes) {
  return function normalizeWakePayload(payload: Fields): Parsed {
    const [sessionKey, agentId] = [given(payload["sessionKey"]), given(payload["agentId"])];
    if (sessionKey === undefined && untargeted(agentId, wakes)) return original(payload);
    // In any mode: an event that was sent to a session is handled now.
    const parsed = original({ ...payload, mode: "now" });
    if (!parsed.ok) return parsed;
    const aimed = aim(wakes, { sessionKey, agentId }, sessionKey === undefined ? "agent" : "request");
    return aimed.ok ? { ok: true, value: { ...parsed.value, ...aimed.fields } } : aimed;
  };
}

type BuildAction = (mapping: Fields, ctx: unknown) => Parsed;

/** Wraps `buildActionFromMapping`: up to 2026.7 it leaves the session key out of a wake. */
function keepKey(original: BuildAction, wakes: TargetedWakes): BuildAction {
  return function buildActionFromMapping(mapping, ctx) {
    const built = original(mapping, ctx);
    const { sessionKey: template, agentId } = mapping;
    if (!built.action || built.action["kind"] !== "wake" || wakes.native) return built;
    if (typeof template !== "string") return { ...built, action: { ...built.action, agentId } };
    // The release renders the key for agents only.
    const asAgent = original({ ...mapping, action: "agent", messageTemplate: "-" }, ctx).action;
    const sessionKeySource = /\{\{[^}]+\}\}/.test(template) ? "templated" : "static";
    const action = {
      ...built.action,
      agentId,
      sessionKey: asAgent?.["sessionKey"],
      sessionKeySource,
    };
    return { ...built, action };
  };
}

type MergeAction = (base: Fields, override: Fields | null | undefined, ...rest: unknown[]) => Parsed;

/** Wraps `mergeAction`, which joins a mapping's action with what its transform says. */
function targetAction(original: MergeAction, wakes: TargetedWakes): MergeAction {
  return function mergeAction(base, override, ...rest) {
    const own = base["kind"] === "wake" ? base : {};
    const said = override ?? {};
    const sessionKey = given(said["sessionKey"] ?? own["sessionKey"]);
    const source = (said["sessionKey"] === undefined ? own : said)["sessionKeySource"];
    const agentId = given(said["agentId"] ?? own["agentId"]);
    const alone = sessionKey === undefined;
    if (alone && untargeted(agentId, wakes)) return original(base, override, ...rest);
    const merged = original(now(base), override && now(override), ...rest);
    if (!merged.ok || merged.action?.["kind"] !== "wake") return original(base, override, ...rest);
    // The mapping means a session of this agent, but says not which.
    if (alone && source === "templated") return { ok: false, error: MESSAGES.hookKeyEmpty };
    const from = alone ? "agent" : source === "static" ? "mapping-static" : "mapping-templated";
    const aimed = aim(wakes, { sessionKey, agentId }, from);
    return aimed.ok ? { ...merged, action: { ...merged.action, ...aimed.fields } } : aimed;
  };
}

/** Whether a wake that names no session is the release's own business: it names no agent, or the release finds it. */
function untargeted(agentId: unknown, wakes: TargetedWakes): boolean {
  return agentId === undefined || wakes.native;
}

function now(action: Fields): Fields {
  return action["mode"] === undefined ? action : { ...action, mode: "now" };
}

/** Checks a target, and directs the current request to it. */
function aim(
  wakes: TargetedWakes,
  { sessionKey, agentId }: { sessionKey: unknown; agentId: unknown },
  source: HookKeySource,
): { readonly ok: true; readonly fields: Fields } | { readonly ok: false; readonly error: string } {
  const request = { sessionKey, ...(agentId === undefined ? {} : { agentId }) };
  const target: Resolved = wakes.resolveHook(request, source);
  if (!target.ok) return { ok: false, error: target.error.message };
  // The release reads the key itself, and needs the agent's name next to it.
  if (wakes.native) {
    const own = target.key === target.written ? {} : { sessionKey: target.key };
    return { ok: true, fields: { agentId: target.agentId, ...own } };
  }
  const redirect = currentRedirect();
  if (!redirect) return { ok: false, error: MESSAGES.hookKeyUnsupported };
  redirect.session = target;
  return { ok: true, fields: {} };
}
