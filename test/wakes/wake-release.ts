/** A stand-in for a release whose requests know no sessions. */
import { expect } from "vitest";
import type { GatewayConfig, GatewayError, RequestOptions } from "../../src/gateway/types.ts";
import { passSteps, type RequestReader } from "../../src/delivery/requests.ts";
import { redirectEvents, redirectWakes } from "../../src/wakes/redirect.ts";
import { type TargetHost, TargetedWakes } from "../../src/wakes/requests.ts";

/** Wakes claim nothing: no keys are asked for. */
export const READER: RequestReader = {
  keysOf: () => [],
  unreadable: () => ({ code: "UNAVAILABLE", message: "unreadable" }),
};

export type Fn = (...args: never[]) => unknown;
export type Fields = Record<string, unknown>;

export const CONFIG: GatewayConfig = {
  agents: {
    defaults: { heartbeat: { every: "0" } },
    list: [{ id: "main", default: true }, { id: "Ops" }, { id: "Dev Team" }],
  } as never,
};

/** A release whose requests know no sessions: what it enqueues goes to the main one. */
export function release(config: GatewayConfig = CONFIG, ran: (options: Fields) => unknown = () => ({ status: "ran" })) {
  const queues = new Map<string, string[]>();
  const runs: Fields[] = [];
  const wakes: unknown[] = [];
  const warnings: string[] = [];
  const counts: Record<string, number> = {};
  const enqueue = redirectEvents((text, options) => {
    const { sessionKey } = options as { sessionKey: string };
    queues.set(sessionKey, [...(queues.get(sessionKey) ?? []), String(text).trim()]);
    return true;
  });
  const requestWake = redirectWakes((wake) => wakes.push(wake));
  const runHeartbeat = async (options: Fields): Promise<unknown> => {
    runs.push(options);
    const result = (await ran(options)) as { status?: string };
    if (result.status === "ran") queues.delete(String((options["heartbeat"] as Fields)["session"]));
    return result;
  };
  const functions: Record<string, Fn[]> = {
    peekSystemEvents: [(key: string) => queues.get(key) ?? []],
    enqueueSystemEvent: [enqueue],
    runHeartbeatOnce: [runHeartbeat],
    resolveHeartbeatIntervalMs: [
      (_: unknown, __: unknown, { every }: { every?: string }) => (every === "0" ? null : 1),
    ],
  };
  const host: TargetHost = {
    config: () => config,
    canonical: (key) => String(key).toLowerCase(),
    originals: (name) => functions[name] ?? [],
    replaced: (name) => functions[name] ?? [],
    heartbeatOn: () => false,
    hooks: () => ({ allowRequestSessionKey: true, allowedSessionKeyPrefixes: [] }),
    count: (reason) => (counts[reason] = (counts[reason] ?? 0) + 1),
    warn: (message) => warnings.push(message),
  };
  const targeted = new TargetedWakes(host);
  const seen: unknown[] = [];
  const handle = passSteps(
    async ({ req, respond }) => {
      const params = req.params as Fields;
      seen.push(params);
      if (params["scope"] === "none")
        return respond(false, undefined, { code: "INVALID_REQUEST", message: "missing scope" });
      if (!params["text"]) {
        return respond(false, undefined, { code: "INVALID_REQUEST", message: "invalid wake params: text" });
      }
      await Promise.resolve();
      enqueue(params["text"], { sessionKey: "agent:main:main", trusted: false });
      requestWake({ reason: "wake" });
      respond(true, { ok: true });
    },
    [targeted.step],
    READER,
  );
  /** Sends a request and returns its answer. */
  const ask = async (method: string, params: Fields): Promise<{ ok: boolean; error: GatewayError | undefined }> => {
    const answers: { ok: boolean; error: GatewayError | undefined }[] = [];
    const respond: RequestOptions["respond"] = (ok, _payload, error) => answers.push({ ok, error });
    await handle({ req: { method, params }, client: undefined, respond });
    expect(answers).toHaveLength(1);
    return answers[0]!;
  };
  return { queues, runs, wakes, warnings, counts, functions, targeted, seen, ask, enqueue, requestWake };
}
