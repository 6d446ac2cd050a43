/**
 * The composition root: one per process. Joins the loader, the seams and the policy, and ends a gateway that it could
 * not attach to before it listens.
 */
import { subscribe } from "node:diagnostics_channel";
import { GatewayScope } from "./delivery/gateway-scope.ts";
import { HeartbeatGuard } from "./heartbeats/guard.ts";
import { Attached } from "./attach/attached.ts";
import { SilentClients } from "./delivery/silent-clients.ts";
import { scopeBroadcaster } from "./delivery/broadcast.ts";
import { clientIdentity } from "./gateway/client-identity.ts";
import { gatewayConfig, hasSettingsFile, readSettings } from "./gateway/config.ts";
import { cronEventReplacements } from "./wakes/attach.ts";
import type { CreateBroadcaster, GatewayClient, GatewayConfig, HandleRequest } from "./gateway/types.ts";
import { installLoader } from "./attach/loader.ts";
import { info, reasonOf, refuse, warn } from "./attach/log.ts";
import { preloadProblem } from "./attach/other-preloads.ts";
import { ownVersion } from "./attach/own-version.ts";
import { fieldsOrNone } from "./policy/fields.ts";
import { withoutSessions } from "./delivery/projections.ts";
import { pushesByRules } from "./delivery/web-push.ts";
import { keepForRestart, leaveChildren } from "./attach/preload.ts";
import type { GatewayProcess } from "./attach/process.ts";
import { passSteps, type Step } from "./delivery/requests.ts";
import { Returning } from "./delivery/returning.ts";
import { eitherOf, leftAlone, SEAM_FUNCTIONS } from "./attach/seams.ts";
import { type KeyFunctions, SessionKeys } from "./gateway/session-keys.ts";
import { SettingsReload } from "./gateway/settings-reload.ts";
import { hookWakeReplacements } from "./wakes/hooks.ts";
import { TargetedWakes } from "./wakes/requests.ts";
import { heartbeatReplacements } from "./heartbeats/attach.ts";
import { MESSAGES } from "./messages.ts";
import { type DiagnosticEmitter, Metrics } from "./metrics.ts";
import { accessWarnings } from "./policy/access.ts";
import { SettingsError } from "./policy/schema.ts";
import { type Settings, STRICT_SETTINGS } from "./policy/settings.ts";
import { accessStep, claimsStep, type RequestGateHost, requestReader } from "./delivery/request-gate.ts";
import {
  ISOLATION_SYMBOL,
  type IsolationStatus,
  MAX_STATUS_CONNECTIONS,
  MAX_STATUS_SESSIONS,
  STATUS_SCHEMA,
} from "./status.ts";

/** Time after a gateway's start; functions that have loaded by then need no search on disk. */
const LOOK_AFTER_MS = 5_000;

type Fn = (...args: never[]) => unknown;

export class Isolation {
  readonly #process: GatewayProcess;
  readonly #attached = new Attached();
  readonly #scopeOf = new WeakMap<GatewayClient, GatewayScope>();
  readonly #requests: RequestGateHost = {
    scopeOf: (client) => (client && this.#scopeOf.get(client)) ?? this.#current,
    rulesMayChange: () => this.#reload?.check(),
  };

  #current: GatewayScope | undefined;
  #inForce: Settings | undefined;
  #reload: SettingsReload | undefined;
  #verified = false;
  #missingForHeartbeats: readonly string[] | undefined;
  #looking = false;
  readonly #heartbeats = new HeartbeatGuard({
    functions: this.#attached.originals,
    replaced: this.#attached.replacements,
    config: () => this.#config(),
    mayAbort: () => !leftAlone(this.#process.release).some(({ name }) => name === "heartbeat-abort"),
    failed: () => void this.#current?.counters.count("(heartbeat)", "error"),
    info,
  });

  readonly #returning = new Returning(
    (client) => clientIdentity(client, () => this.#config()),
    () => void this.#current?.counters.count("(timer)", "error"),
  );
  readonly #metrics = new Metrics({
    version: ownVersion,
    numbers: () => this.#current && { gateway: this.#current.status(), heartbeats: this.#heartbeats.status() },
    emitters: () => this.#attached.originals("emitDiagnosticEvent") as DiagnosticEmitter[],
    failed: () => void this.#current?.counters.count("(metrics)", "error"),
  });
  readonly #silent = new SilentClients({
    look: (now) => this.#current?.connections.look(now) ?? [],
    say: info,
    failed: () => void this.#current?.counters.count("(clients)", "error"),
  });
  readonly #keys = new SessionKeys(
    () => this.#config(),
    () => this.#keyFunctions(),
  );
  readonly #wakes = new TargetedWakes({
    config: () => this.#config(),
    canonical: (key, agentId) => {
      this.#keys.refresh();
      return this.#keys.canonical(key, agentId);
    },
    originals: this.#attached.originals,
    replaced: this.#attached.replacements,
    hooks: () => (this.#inForce ?? STRICT_SETTINGS).hooks,
    heartbeatOn: (queue) => this.#heartbeats.takesEventsOf(queue),
    count: (reason) => void this.#current?.counters.count("(system-event)", reason),
    warn,
  });

  constructor(gateway: GatewayProcess) {
    this.#process = gateway;
  }

  /** Gets every attached function before its module runs; returns what callers will call. */
  attach(name: string, original: unknown): unknown {
    if (typeof original !== "function") return original;
    this.#attached.found(name, original as Fn);
    const replaced = (this.#replacements[name]?.(original as Fn) ?? original) as Fn;
    this.#attached.replacedBy(name, replaced);
    return replaced;
  }

  /**
   * The steps of a request before the gateway's own handler, in this order: a request that the rules deny has no
   * effect. One that waits for a heartbeat claims its session before it waits, while its connection is surely there,
   * and so that what the client asks for meanwhile counts as later.
   */
  readonly #steps: readonly Step[] = [
    accessStep(this.#requests),
    claimsStep(this.#requests),
    this.#heartbeats.step,
    this.#wakes.step,
  ];

  /** The replacement of each function; all other functions are only remembered. */
  readonly #replacements: Readonly<Record<string, (original: Fn) => unknown>> = {
    createGatewayBroadcaster: (original) => this.#broadcasterFactory(original as CreateBroadcaster),
    handleGatewayRequest: (original) =>
      passSteps(original as HandleRequest, this.#steps, requestReader(this.#requests)),
    buildGatewaySnapshot: (original) =>
      withoutSessions(original as () => unknown, () => void this.#current?.counters.count("(hello)", "error")),
    canReceiveSessionEvent: (original) =>
      pushesByRules(original as (params: unknown) => unknown, () => this.#current?.access),
    emitSessionLifecycleEvent: (original) => this.#watchLifecycle(original as (event: unknown) => unknown),
    ...heartbeatReplacements(this.#heartbeats, (name) => this.#attached.originals(name).length - 1),
    ...cronEventReplacements({
      enabled: () => this.#inForce?.cron.remap ?? true,
      session: () => this.#config().session ?? {},
      originals: this.#attached.originals,
      count: (reason) => this.#current?.counters.count("(system-event)", reason),
      warn,
      defaultAgent: () => this.#wakes.defaultAgent(),
      drained: (key) => this.#wakes.drained(key),
      follow: (session, events) => this.#wakes.follow(session, events),
      heartbeatOn: (queue) => this.#heartbeats.takesEventsOf(queue),
      made: (name, request) => this.#attached.replacedBy(name, request),
    }),
    ...hookWakeReplacements(this.#wakes),
  };

  /** Records the module in which functions were found. */
  seen(file: string, functions: readonly string[]): void {
    this.#attached.seenIn(file, functions);
  }

  /** Ends the process if a required seam is nowhere in the release. Called before it listens. */
  verify(): void {
    if (this.#verified) return;
    if (this.#attached.missing().length === 0) {
      this.#verified = true;
      return;
    }
    const missing = this.#attached.missingFrom(this.#process.root);
    if (missing.length === 0) return; // asked again when the next port opens
    const names = missing.map((seam) => `"${seam.name}" (${eitherOf(seam)}, ${seam.purpose})`);
    this.#unprotected(MESSAGES.missingSeams(this.#process.release, names.join(", ")));
    this.#verified = true;
  }

  /** What is attached, and the current gateway's numbers. Includes session keys: for `operator.admin` only. */
  status(): IsolationStatus {
    const gateway = this.#current;
    return {
      schema: STATUS_SCHEMA,
      version: ownVersion(),
      release: this.#process.release,
      attached: this.#attached.missing().length === 0,
      seams: this.#attached.seams(),
      settings: this.#inForce ?? {},
      ...(gateway && {
        gateway: gateway.status(),
        connections: gateway.connections.rows(performance.now(), MAX_STATUS_CONNECTIONS),
        sessionKeys: gateway.sessions(MAX_STATUS_SESSIONS),
      }),
      heartbeats: {
        ...this.#heartbeats.status(),
        ...(this.#missingForHeartbeats && { missing: this.#missingForHeartbeats }),
      },
    };
  }

  /** Ends the claims on a session that is deleted, by any means. */
  #watchLifecycle(original: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    return (event, ...rest) => {
      const { reason, sessionKey } = fieldsOrNone(event);
      if (reason === "delete") this.#current?.ended(sessionKey);
      return original(event, ...rest);
    };
  }

  #broadcasterFactory(create: CreateBroadcaster): CreateBroadcaster {
    return (params) => {
      const keys = new SessionKeys(
        () => this.#config(),
        () => this.#keyFunctions(),
      );
      const settings = (this.#inForce = this.#settings());
      const scope = new GatewayScope(keys, settings, {
        warn,
        connected: (client) => this.#scopeOf.set(client, scope),
        returning: this.#returning,
        heartbeats: this.#heartbeats,
      });
      this.#current = scope;
      this.#reloadInto(scope, settings);
      this.#metrics.start();
      this.#silent.start();
      this.#heartbeats.begin(settings.heartbeat, keys);
      this.#lookForHeartbeats();
      leaveChildren();
      try {
        return scopeBroadcaster(create, params, scope, this.#heartbeats.holdBack);
      } catch (error) {
        this.#unprotected(MESSAGES.unknownBroadcaster(this.#process.release, reasonOf(error)));
        return create(params);
      }
    };
  }

  /** Settings that can change while the gateway runs. */
  #reloadInto(scope: GatewayScope, settings: Settings): void {
    accessWarnings(settings.access).forEach(warn);
    this.#reload?.stop();
    this.#reload = new SettingsReload(
      {
        config: () => this.#config(),
        apply: (changed) => {
          accessWarnings(changed.access).forEach(warn);
          const { access, observers } = changed;
          this.#inForce = { ...settings, access, observers };
          scope.access.update(changed);
          info(MESSAGES.settingsReloaded(access.length, observers.length));
        },
        failed: (reason) => {
          scope.counters.count("(settings)", "error");
          warn(MESSAGES.settingsInvalid(reason));
        },
      },
      settings,
    );
    // Before 2026.4, asking for the configuration reads its file, and a change of the file restarts the gateway.
    const cheap = this.#attached.has("getRuntimeConfig") || settings === STRICT_SETTINGS;
    if (cheap && !hasSettingsFile) this.#reload.watch();
  }

  /** Logs once which functions of heartbeats the release lacks. They are all optional. */
  #lookForHeartbeats(): void {
    if (this.#looking) return;
    this.#looking = true;
    const look = async (): Promise<void> => {
      const missing = await this.#attached.missingForHeartbeats(this.#process.root);
      this.#missingForHeartbeats = missing;
      for (const line of missing) warn(line);
    };
    const failed = (error: unknown): void => warn(MESSAGES.heartbeatsSearchFailed(reasonOf(error)));
    setTimeout(() => void look().catch(failed), LOOK_AFTER_MS).unref();
  }

  #config(): GatewayConfig {
    return gatewayConfig(this.#attached.originals);
  }

  #keyFunctions(): KeyFunctions {
    return {
      storeKey: this.#attached.originals("resolveSessionStoreKey").at(-1) as KeyFunctions["storeKey"],
      subscriptionKey: this.#attached
        .originals("resolveSessionSubscriptionKey")
        .at(-1) as KeyFunctions["subscriptionKey"],
    };
  }

  #settings(): Settings {
    try {
      return readSettings(() => this.#config());
    } catch (error) {
      if (error instanceof SettingsError) refuse(error.message);
      warn(MESSAGES.settingsUnreadable(reasonOf(error)));
      return STRICT_SETTINGS;
    }
  }

  #unprotected(problem: string): void {
    let settings = STRICT_SETTINGS;
    try {
      settings = readSettings(() => this.#config());
    } catch {
      // The settings are unreadable or wrong: use the strict ones, and log only the more important problem.
    }
    if (settings.onMissingSeam === "warn") warn(MESSAGES.runsUnprotected(problem));
    else refuse(MESSAGES.notStartedUnprotected(problem));
  }
}

/** Installs the isolation into this process, before any module of the gateway has loaded. */
export function install(gateway: GatewayProcess): void {
  const key = Symbol.for(ISOLATION_SYMBOL);
  if (key in globalThis) return; // once, even if NODE_OPTIONS and a flag both ask for it
  const problem = preloadProblem(process.versions.node, process.env["NODE_OPTIONS"], process.execArgv);
  if (problem !== undefined) refuse(MESSAGES.notStarted(problem));
  const isolation = new Isolation(gateway);
  Object.defineProperty(globalThis, key, { value: isolation });
  try {
    installLoader(gateway.root, SEAM_FUNCTIONS, isolation.attach.bind(isolation), isolation.seen.bind(isolation));
  } catch (error) {
    refuse(reasonOf(error));
  }
  keepForRestart();
  subscribe("tracing:net.server.listen:asyncStart", () => isolation.verify());
}
