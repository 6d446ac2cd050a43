/**
 * The access rules of one gateway: joins the policy to its connections and their requests. It determines what a
 * connection may have when the connection opens, when it asks for something after its known facts have changed, and
 * when the rules change; never for an event.
 */
import { isDeepStrictEqual } from "node:util";
import { connectionFacts } from "../gateway/connection-facts.ts";
import type { GatewayClient, GatewayError } from "../gateway/types.ts";
import type { Answer, Passage } from "./requests.ts";
import type { SessionKeys } from "../gateway/session-keys.ts";
import type { Reloadable } from "../gateway/settings-reload.ts";
import { accessOf, type SessionAccess } from "../policy/access.ts";
import { allowedRows, answersAllowedSession, foundSession, namesDenied } from "../policy/access-answers.ts";
import { presenceRow } from "../policy/status-events.ts";
import { agentOf, type Denial, judgeRequest, type RequestVerdict } from "../policy/access-requests.ts";
import { BoundedMap } from "../policy/bounded-map.ts";
import { type ConnectionFacts, isObserver } from "../policy/connection-match.ts";
import { type Fields, fieldsOf, fieldsOrNone, present } from "../policy/fields.ts";
import { pageOf } from "../policy/session-list.ts";
import { MESSAGES } from "../messages.ts";

type Allowed = Extract<RequestVerdict, { allowed: true }>;

const DENIED_SESSION: Denial = { allowed: false, because: "session" };

/** Runs whose session is known. */
const MAX_RUNS = 4_096;
/** Run ids are UUIDs or idempotency keys; longer ones are not remembered. */
const MAX_RUN_ID = 256;

/** Length of a parameter's name in an error: a client chooses the name. */
const MAX_NAME = 64;

interface GuardHost {
  readonly keys: SessionKeys;
  /** Sets what a connection may have; claims beyond it end. */
  entitle(client: GatewayClient, access: SessionAccess | undefined, observer: boolean): void;
  startedRun(client: GatewayClient, runId: string): boolean;
  /** The session in which a connection of this gateway started a run that has not ended. */
  sessionOfRun(runId: string): string | undefined;
  sessionsOfQuestion(id: unknown): readonly string[];
  /** A request was denied. */
  denied(): void;
  /** An answer could not be checked, and was denied. */
  failed(): void;
}

interface Known {
  readonly facts: ConnectionFacts;
  readonly access: SessionAccess | undefined;
}

export class AccessGuard {
  readonly #host: GuardHost;
  /** All connections; of each, what is known of it while there are rules. */
  readonly #known = new Map<GatewayClient, Known | undefined>();
  /** The sessions of runs with recent events, by run id. */
  readonly #runs = new BoundedMap<string, string>(MAX_RUNS);
  #settings: Reloadable;

  constructor(host: GuardHost, settings: Reloadable) {
    this.#host = host;
    this.#settings = settings;
  }

  get hasRules(): boolean {
    return this.#settings.access.length > 0;
  }

  connected(client: GatewayClient): void {
    this.#remember(client, connectionFacts(client));
  }

  disconnected(client: GatewayClient): void {
    this.#known.delete(client);
  }

  /** The rules have changed: checks every connection again. */
  update(settings: Reloadable): void {
    this.#settings = settings;
    for (const client of this.#known.keys()) this.#remember(client, connectionFacts(client));
  }

  /**
   * Whether a connection may make a request, and what its answers may show. A refusal holds for all later answers.
   *
   * @param client as the broadcaster knows it, or knew it: a request can outlive its connection
   */
  admit(
    client: GatewayClient,
    method: string,
    params: unknown,
  ): { readonly refuse: GatewayError } | Passage | undefined {
    if (!this.hasRules) return undefined;
    const { access, facts } = this.#current(client);
    // The methods of other roles are bound to their own connection by upstream.
    if (!access || facts.role !== "operator") return undefined;
    const { keys } = this.#host;
    keys.refresh();
    const verdict = judgeRequest(method, params, {
      access,
      canonical: keys.canonical,
      startedRun: (runId) => this.#host.startedRun(client, runId),
      sessionOfRun: (runId) => this.#runs.get(runId) ?? this.#host.sessionOfRun(runId),
      sessionsOfQuestion: this.#host.sessionsOfQuestion,
    });
    if (!verdict.allowed) {
      this.#host.denied();
      return { refuse: accessDenied(method, verdict) };
    }
    const { answer, ask } = verdict;
    const agentId = agentOf(fieldsOrNone(params));
    const replaced = ask && replace(params, ask);
    const denied: Answer = { ok: false, error: accessDenied(method, DENIED_SESSION) };
    const nothing = answer === "lookup" && mayBeMissing(params) ? { ok: true, payload: { ok: false } } : denied;
    let refused: Answer | undefined;
    return {
      ...replaced,
      answering: (given) => {
        if (refused) return refused;
        // A forbidden session gets the same answer as one that does not exist, whatever upstream's error says.
        if (!given.ok && answer === "lookup") return nothing;
        try {
          if (!given.ok) return namesDenied(given.error, access, keys.canonical, agentId) ? denied : given;
          if (answer === "as-is") return given;
          const allowed = this.#answer(client, verdict, given, agentId);
          if (allowed) return allowed;
          refused = nothing;
        } catch {
          this.#host.failed();
          refused = denied;
        }
        return refused;
      },
    };
  }

  /** Filters an answer by the current rules, which may have changed since the request; undefined if nothing is left. */
  #answer(
    client: GatewayClient,
    { answer: check, page }: Allowed,
    answer: Answer,
    agentId: string | undefined,
  ): Answer | undefined {
    if (!this.#known.has(client)) return undefined;
    const access = this.#known.get(client)?.access;
    const shown = (payload: unknown): Answer => ({ ok: true, payload: page ? pageOf(payload, page) : payload });
    if (!access) return shown(answer.payload);
    const { canonical } = this.#host.keys;
    if (check === "lookup") {
      const found = foundSession(answer.payload, access, canonical, agentId);
      return found === undefined ? undefined : shown(found);
    }
    if (check === "key" && !answersAllowedSession(answer.payload, access, canonical, agentId)) {
      this.#host.denied();
      return undefined;
    }
    const rows = allowedRows(answer.payload, access, canonical, agentId);
    // A system event of any session leaves its text there.
    return shown(check === "presence" && Array.isArray(rows) ? rows.map((row: unknown) => presenceRow(row)) : rows);
  }

  /** An event of a run in a session. */
  sawRun(runId: string | undefined, key: string | undefined): void {
    if (!this.hasRules || runId === undefined || key === undefined || runId.length > MAX_RUN_ID) return;
    if (this.#runs.get(runId) !== key) this.#runs.renew(runId, key);
  }

  /** Whether the rules let a connection have what names these sessions. Always true for no session. */
  allows(client: GatewayClient, sessionKey: unknown): boolean {
    if (!this.hasRules || !present(sessionKey)) return true;
    const known = this.#known.get(client);
    if (!known?.access) return known !== undefined;
    const key = this.#host.keys.canonical(sessionKey);
    return key !== undefined && known.access.allows(key);
  }

  /**
   * Whether a subscribed browser may be notified of sessions. It is known by its device and profile alone: a
   * connection of it need not exist.
   */
  mayNotify(browser: GatewayClient, sessionKeys: readonly unknown[]): boolean {
    try {
      const access = accessOf(this.#settings.access, connectionFacts(browser));
      return sessionKeys.every((written) => {
        const key = this.#host.keys.canonical(written);
        return !access || (key !== undefined && access.allows(key));
      });
    } catch {
      this.#host.failed();
      return false;
    }
  }

  #current(client: GatewayClient): Known {
    const facts = connectionFacts(client);
    const known = this.#known.get(client);
    if (!known) return this.#assess(facts); // gone: nothing to keep
    return isDeepStrictEqual(known.facts, facts) ? known : this.#remember(client, facts);
  }

  #remember(client: GatewayClient, facts: ConnectionFacts): Known {
    const known = this.#assess(facts);
    this.#known.set(client, this.hasRules ? known : undefined);
    this.#host.entitle(client, known.access, isObserver(facts, this.#settings.observers));
    return known;
  }

  #assess(facts: ConnectionFacts): Known {
    return { facts, access: accessOf(this.#settings.access, facts) };
  }
}

/**
 * Changes a request's parameters in place: 2026.9 binds what a connection may do to the request's own object, and
 * takes a copy for a request of less authority.
 *
 * @returns what the request path must use instead, if there is no object to change
 */
function replace(params: unknown, ask: Fields): { readonly params: Fields } | undefined {
  if (!fieldsOf(params) || Object.isFrozen(params)) return { params: ask };
  const own = params as Record<string, unknown>;
  for (const name of Object.keys(own)) if (!(name in ask)) delete own[name];
  Object.assign(own, ask);
  return undefined;
}

/** Asks `sessions.resolve` to report a missing session in its answer instead of by an error (2026.9). */
function mayBeMissing(params: unknown): boolean {
  return fieldsOrNone(params)["allowMissing"] === true;
}

/** Upstream's error for what a connection may not have (2026.9; older releases have no such code). */
export function accessDenied(method: string, denial: Denial): GatewayError {
  const parameter = denial.because === "parameter" ? denial.parameter.slice(0, MAX_NAME) : undefined;
  return {
    code: "FORBIDDEN",
    message: denialMessage(method, denial.because, parameter ?? ""),
    retryable: false,
    details: { reason: "session-access-denied", method, ...(parameter !== undefined && { parameter }) },
  };
}

function denialMessage(method: string, because: Denial["because"], parameter: string): string {
  switch (because) {
    case "session":
      return MESSAGES.sessionDenied(method);
    case "method":
      return MESSAGES.methodDenied(method);
    case "parameter":
      return MESSAGES.parameterDenied(method, parameter);
  }
}
