/**
 * The composition root: one per process. Joins the loader, the seams and the policy, and refuses
 * to let a gateway listen that it could not attach to.
 */
import { subscribe } from "node:diagnostics_channel";
import { readFileSync, writeSync } from "node:fs";
import { GatewayScope, type ScopeStatus } from "./gateway-scope.ts";
import { HeartbeatGuard } from "./heartbeat-guard.ts";
import { scopeBroadcaster } from "./host/broadcast.ts";
import { cronEventReplacements } from "./host/cron-events.ts";
import type { CreateBroadcaster, GatewayClient, GatewayConfig, HandleRequest } from "./host/gateway-types.ts";
import { asPath, installLoader, scanPackage } from "./host/loader.ts";
import { type GatewayProcess, withoutPreload } from "./host/process.ts";
import { type RequestGate, watchRequests } from "./host/requests.ts";
import { watchRuns } from "./host/runs.ts";
import { missingSeams, SEAM_FUNCTIONS } from "./host/seams.ts";
import { type KeyFunctions, SessionKeys } from "./host/session-keys.ts";
import { heartbeatReplacements } from "./host/wake.ts";
import { claimIntent } from "./policy/claims.ts";
import { parseSettings, type Settings, SettingsError, STRICT_SETTINGS } from "./policy/settings.ts";

/** Exit code of a gateway that would have run unprotected or misconfigured: EX_CONFIG. */
export const EXIT_CONFIG = 78;

/** Names a JSON file of settings, for releases that refuse entries of plugins unknown to them. */
export const SETTINGS_FILE_VARIABLE = "OPENCLAW_EVENT_ISOLATION_CONFIG";

/** Global under which the isolation of this process is reachable. */
export const ISOLATION_SYMBOL = "openclaw-event-isolation";

type Fn = (...args: never[]) => unknown;

export class Isolation {
  readonly #process: GatewayProcess;
  readonly #originals = new Map<string, Fn[]>();
  readonly #modules = new Map<string, string[]>();
  readonly #scopeOf = new WeakMap<GatewayClient, GatewayScope>();
  #current: GatewayScope | undefined;
  #inForce: Settings | undefined;
  #verified = false;
  readonly #heartbeats = new HeartbeatGuard({
    functions: (name) => this.#originals.get(name) ?? [],
    config: () => this.#config(),
    failed: () => void this.#current?.counters.count("(heartbeat)", "error"),
    info: (message) => console.log(`[event-isolation] ${message}`),
  });

  constructor(gateway: GatewayProcess) {
    this.#process = gateway;
  }

  /** Gets every attached function before its module runs; returns what callers will call. */
  attach(name: string, original: unknown): unknown {
    if (typeof original !== "function") return original;
    this.#originals.set(name, [...(this.#originals.get(name) ?? []), original as Fn]);
    return this.#replacements[name]?.(original as Fn) ?? original;
  }

  /** What takes the place of which function; all others are only remembered. */
  readonly #replacements: Readonly<Record<string, (original: Fn) => unknown>> = {
    createGatewayBroadcaster: (original) => this.#broadcasterFactory(original as CreateBroadcaster),
    handleGatewayRequest: (original) =>
      watchRuns(watchRequests(original as HandleRequest, this.#requests), this.#heartbeats),
    ...heartbeatReplacements(this.#heartbeats, (name) => this.#originals.get(name)!.length - 1),
    ...cronEventReplacements({
      enabled: () => this.#inForce?.cron.remap ?? true,
      session: () => this.#config().session ?? {},
      originals: (name) => this.#originals.get(name) ?? [],
      count: (reason) => this.#current?.counters.count("(system-event)", reason),
      warn,
    }),
  };

  /** Notes in which module functions were found. */
  seen(file: string, functions: readonly string[]): void {
    for (const name of functions) this.#modules.set(name, [...(this.#modules.get(name) ?? []), file]);
  }

  /** Ends the process if a required seam is nowhere in the release. Called before it listens. */
  verify(): void {
    if (this.#verified) return;
    const attached = new Set(this.#originals.keys());
    let missing = missingSeams(attached);
    if (missing.length > 0) {
      // Its module may just not have been loaded yet; then it will attach when it is.
      const declared = declaredIn(this.#process.root);
      missing = missingSeams(new Set([...attached, ...declared.keys()]));
    }
    if (missing.length === 0) {
      this.#verified = missingSeams(attached).length === 0;
      return;
    }
    const names = missing.map((seam) => `"${seam.name}" (${seam.functions.join(" or ")}, ${seam.purpose})`);
    this.#unprotected(`cannot attach to OpenClaw ${this.#process.release}: it has no ${names.join(", ")}`);
    this.#verified = true;
  }

  /** What is attached, and the current gateway's numbers. */
  status(): { release: string; seams: Record<string, string[]>; gateway: ScopeStatus | undefined } {
    return {
      release: this.#process.release,
      seams: Object.fromEntries(this.#modules),
      gateway: this.#current?.status(),
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
        heartbeats: this.#heartbeats,
      });
      this.#current = scope;
      this.#heartbeats.begin(settings.heartbeat, keys);
      leaveChildren();
      try {
        return scopeBroadcaster(create, params, scope);
      } catch (error) {
        this.#unprotected(
          `the broadcaster of OpenClaw ${this.#process.release} is of an unknown kind: ${reasonOf(error)}`,
        );
        return create(params);
      }
    };
  }

  readonly #requests: RequestGate = {
    intentOf: (method, params) => {
      try {
        return claimIntent(method, params);
      } catch {
        this.#current?.counters.count("(request)", "error");
        return undefined;
      }
    },
    begin: (client, intent) => {
      const scope = (client && this.#scopeOf.get(client)) ?? this.#current;
      try {
        // A synthetic client, e.g. of the command line's own request, is no connection and claims nothing.
        return scope?.begin(client && scope.connection(client), intent);
      } catch {
        scope?.counters.count("(request)", "error");
        return undefined;
      }
    },
  };

  #config(): GatewayConfig {
    let failure: unknown;
    for (const name of ["getRuntimeConfig", "loadConfig"]) {
      // Some releases ship several copies of a module; one that did not run may fail.
      for (const getter of this.#originals.get(name)?.toReversed() ?? []) {
        try {
          const config = (getter as () => unknown)();
          if (typeof config === "object" && config !== null) return config;
        } catch (error) {
          failure = error;
        }
      }
    }
    throw new Error("no configuration getter answered", { cause: failure });
  }

  #keyFunctions(): KeyFunctions {
    return {
      storeKey: this.#originals.get("resolveSessionStoreKey")?.at(-1) as KeyFunctions["storeKey"],
      subscriptionKey: this.#originals.get("resolveSessionSubscriptionKey")?.at(-1) as KeyFunctions["subscriptionKey"],
    };
  }

  #readSettings(): Settings {
    const file = settingsFile();
    if (file !== undefined) return parseSettings(file);
    return parseSettings(this.#config().plugins?.entries?.["event-isolation"]?.config);
  }

  #settings(): Settings {
    try {
      return this.#readSettings();
    } catch (error) {
      if (error instanceof SettingsError) refuse(`${error.message}`);
      warn(`settings could not be read, the strictest are in force: ${reasonOf(error)}`);
      return STRICT_SETTINGS;
    }
  }

  #unprotected(problem: string): void {
    let settings = STRICT_SETTINGS;
    try {
      settings = this.#readSettings();
    } catch {
      // Unreadable or wrong: then the strict way, and one message about what matters more.
    }
    if (settings.onMissingSeam === "warn") {
      warn(`${problem}. The gateway runs UNPROTECTED because onMissingSeam is "warn"`);
      return;
    }
    refuse(
      `${problem}. The gateway was not started. Update openclaw-event-isolation, or start without it, or set onMissingSeam to "warn" to run unprotected`,
    );
  }
}

/** Installs the isolation into this process, before any module of the gateway has loaded. */
export function install(gateway: GatewayProcess): void {
  const key = Symbol.for(ISOLATION_SYMBOL);
  if (key in globalThis) return; // once, even if NODE_OPTIONS and a flag both ask for it
  const isolation = new Isolation(gateway);
  Object.defineProperty(globalThis, key, { value: isolation });
  try {
    installLoader(gateway.root, SEAM_FUNCTIONS, isolation.attach.bind(isolation), isolation.seen.bind(isolation));
  } catch (error) {
    refuse(reasonOf(error));
  }
  // A restart in a new process is told to load the module by flag, as NODE_OPTIONS is cleaned.
  if (!process.execArgv.some((arg) => isOurs(arg.replace(/^--import=/, "")))) {
    process.execArgv.push(`--import=${registerUrl()}`);
  }
  subscribe("tracing:net.server.listen:asyncStart", () => isolation.verify());
}

/** Keeps the preload from the programs that the gateway's agents start. */
function leaveChildren(): void {
  const options = process.env["NODE_OPTIONS"];
  if (options === undefined) return;
  const rest = withoutPreload(options, isOurs);
  if (rest === "") delete process.env["NODE_OPTIONS"];
  else process.env["NODE_OPTIONS"] = rest;
}

function registerUrl(): string {
  return new URL("register.js", import.meta.url).href;
}

function isOurs(specifier: string): boolean {
  if (specifier === "openclaw-event-isolation/register") return true;
  try {
    return asPath(specifier) === asPath(registerUrl());
  } catch {
    return false;
  }
}

function declaredIn(root: string): ReadonlyMap<string, string[]> {
  try {
    return scanPackage(root, SEAM_FUNCTIONS);
  } catch {
    return new Map(); // no readable dist folder: nothing is declared there
  }
}

function settingsFile(): unknown {
  const path = process.env[SETTINGS_FILE_VARIABLE];
  if (!path) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new SettingsError(`the file that ${SETTINGS_FILE_VARIABLE} names cannot be read: ${reasonOf(error)}`);
  }
}

function warn(message: string): void {
  console.warn(`[event-isolation] ${message}`);
}

/** Says why and ends the process. Written directly: the gateway may have replaced the console. */
function refuse(message: string): never {
  writeSync(2, `[event-isolation] ${message}\n`);
  process.exit(EXIT_CONFIG);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
