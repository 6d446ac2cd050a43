/** Applies requests to claims: from the content of a request, and from the gateway's answer to it. */
import type { SessionKeys } from "../gateway/session-keys.ts";
import type { GatewayClient, GatewayError } from "../gateway/types.ts";
import { type ClaimIntent, MAX_RUN_ID_LENGTH, type NewClaim } from "../policy/claim-intent.ts";
import type { AcceptedAnswer, Claims, PendingClaim } from "../policy/claims.ts";
import { agentIdOf } from "../policy/cron-keys.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import type { Later } from "../policy/later.ts";
import type { Left } from "../policy/parked.ts";
import type { Answer, Passage } from "./requests.ts";
import { MESSAGES } from "../messages.ts";

/**
 * `agent.wait` is answered when the run has ended, and refused at once: a wait that was not refused by then was
 * accepted. The run's frames are held until then.
 */
export const WAIT_ACCEPTED_MS = 250;

/** Values of an answer's `status` that mean that the run has ended. */
const OVER: ReadonlySet<unknown> = new Set(["ok", "error", "timeout", "aborted"]);
/** With these the gateway says that it has started a run now, not earlier. */
const FRESH: ReadonlySet<unknown> = new Set(["started", "accepted"]);

/** Releases' answers to a method that they do not know: newer ones treat it as an admin's. */
const UNKNOWN_METHOD = /^(?:unknown method\b|missing scope: operator\.admin$)/;

/** What claim requests need of their gateway's scope. */
interface ClaimRequestsHost {
  readonly claims: Claims<GatewayClient>;
  readonly keys: SessionKeys;
  /** `limits.claimsPerConnection` */
  readonly limit: number;
  readonly later: Later;
  /** What a closed connection left for its client, if anything. */
  leftBy(client: GatewayClient): Left<GatewayClient> | undefined;
  /** Whether two connections are proven to be of one client. */
  isSame(one: GatewayClient, other: GatewayClient): boolean;
  /** Runs what must not throw into the gateway. */
  safely(action: () => void): void;
  /** A request was answered, or never will be: decides about the frames held for a connection. */
  settled(client: GatewayClient): void;
}

export class ClaimRequests {
  readonly #host: ClaimRequestsHost;

  constructor(host: ClaimRequestsHost) {
    this.#host = host;
  }

  /** Canonical keys of the sessions that a request names, by the current configuration. */
  keysOf(intent: ClaimIntent): readonly string[] {
    this.#host.keys.refresh();
    return "keys" in intent ? this.#canonicalAll(intent.keys, intent.agentId) : [];
  }

  /**
   * Begins what a request does to claims.
   *
   * @param client undefined if no connection asks: then only a deletion has an effect
   * @param keys of {@link keysOf}
   */
  begin(
    client: GatewayClient | undefined,
    intent: ClaimIntent,
    keys: readonly string[],
  ): { readonly refuse: GatewayError } | Passage | undefined {
    if (intent.kind === "end") {
      const asOf = this.#host.claims.now;
      const agent = intent.ofAgent && intent.agentId !== undefined ? agentIdOf(intent.agentId) : undefined;
      return this.#onAnswer(client, (ok) => {
        // After this turn: the deletion's own roster row still goes to those who had the session.
        if (!ok) return;
        setImmediate(() =>
          this.#host.safely(() => {
            for (const key of keys) this.#host.claims.end(key, asOf);
            if (agent !== undefined) this.#host.claims.endAgent(agent, asOf);
          }),
        );
      });
    }
    if (!client) return undefined;
    if (intent.kind === "roster") {
      return this.#onAnswer(client, (ok) => {
        if (ok) this.#host.claims.setRoster(client, intent.wanted);
      });
    }
    if (intent.kind === "unclaim") {
      // Leaving takes effect at once, without the gateway's answer; old releases lack the method.
      for (const key of keys) this.#host.claims.unclaim(client, key);
      return this.#onAnswer(client, () => {});
    }
    if (intent.kind === "wait") return this.#wait(client, intent.runId);
    const claim = this.#host.claims.begin(client, keys, intent.explicit, intent.startsRun);
    if (!claim) return { refuse: claimLimitError(this.#host.limit) };
    const passage = this.#onAnswer(
      client,
      (ok, answer) => {
        if (ok) claim.accept(this.#readAnswer(intent, answer));
        else if (intent.unknownMethod && mayRead(client) && UNKNOWN_METHOD.test(String(answer.error?.message)))
          claim.accept();
        else claim.reject();
      },
      claim,
    );
    return intent.startsRun ? { ...passage, answeredAgain: (answer) => this.#ranOut(keys, answer) } : passage;
  }

  /**
   * The same for a request that is handled after its connection has closed, as 2026.9 may do: the client does not get
   * back what it gave up, and the run of its message is its own on its new connection, or waits for it.
   */
  beginLate(client: GatewayClient, intent: ClaimIntent, keys: readonly string[]): Passage | undefined {
    const { claims, leftBy } = this.#host;
    const left = leftBy(client);
    if (intent.kind === "end") return this.begin(undefined, intent, keys) as Passage | undefined;
    if (intent.kind === "unclaim" && left) for (const key of keys) claims.giveUp(left, key);
    if (intent.kind !== "claim" || !intent.startsRun) return undefined;
    const late = claims.heirs.begin(left, keys);
    const passage = this.#onAnswer(
      client,
      (ok, answer) => {
        if (ok) late.accept(this.#readAnswer(intent, answer));
        else late.reject();
      },
      late,
    );
    return { ...passage, answeredAgain: (answer) => this.#ranOut(keys, answer) };
  }

  /** A run's result is its second answer: it may be all that is ever heard of the run. */
  #ranOut(keys: readonly string[], { payload }: Answer): void {
    const { runId, status } = fieldsOrNone(payload);
    if (typeof runId !== "string" || !OVER.has(status)) return;
    this.#host.safely(() => this.#host.claims.runs.ranOut(runId, keys));
  }

  /**
   * Takes up a run whose starter has gone or is the same device: its frames go to the connection that the gateway
   * lets wait for it.
   */
  #wait(client: GatewayClient, runId: string): Passage | undefined {
    const { claims, isSame, later, settled } = this.#host;
    const asks = claims.askForRun(client, runId);
    if (!asks) return undefined;
    const accept = (): void => {
      asks.accept((owner) => isSame(owner, client));
      settled(client);
    };
    const callOff = later(WAIT_ACCEPTED_MS, accept);
    const reject = (): void => {
      asks.reject();
      callOff();
    };
    return this.#onAnswer(
      client,
      (ok) => {
        callOff();
        if (!ok) return reject();
        accept();
        asks.answered();
      },
      { reject },
    );
  }

  #onAnswer(
    client: GatewayClient | undefined,
    settle: (ok: boolean, answer: Answer) => void,
    claim?: Pick<PendingClaim, "reject">,
  ): Passage {
    return {
      answered: (answer) =>
        this.#host.safely(() => {
          try {
            settle(answer.ok, answer);
          } catch (error) {
            // No other answer comes: frames must not be held for it for ever.
            claim?.reject();
            throw error;
          } finally {
            this.#settled(client);
          }
        }),
      ended: (unanswered) => {
        if (!unanswered) return;
        this.#host.safely(() => {
          claim?.reject();
          this.#settled(client);
        });
      },
    };
  }

  /** Frames are held for a connection, or for the one with which its client is back. */
  #settled(client: GatewayClient | undefined): void {
    if (!client) return;
    const { claims, leftBy, settled } = this.#host;
    const left = leftBy(client);
    settled((left && claims.heirs.lineOf(left).heir) ?? client);
  }

  #canonicalAll(values: readonly unknown[], agentId: string | undefined): string[] {
    return values.map((value) => this.#host.keys.canonical(value, agentId)).filter((key) => key !== undefined);
  }

  #readAnswer(intent: NewClaim, { payload, repeated }: Answer): AcceptedAnswer {
    const body = fieldsOrNone(payload);
    const { runId, previews, status } = body;
    // The gateway also answers a client that guesses the id of another's run: that claims nothing.
    const fresh = !repeated && FRESH.has(status);
    const chosen = intent.answer === "chosen" || (intent.answer === "started" && fresh);
    const listed = intent.answer === "listed" ? (Array.isArray(previews) ? (previews as unknown[]) : []) : undefined;
    return {
      extraKeys: chosen ? this.#canonicalAll([body["key"] ?? body["sessionKey"]], intent.agentId) : [],
      only:
        listed &&
        this.#canonicalAll(
          listed.map((row) => fieldsOrNone(row)["key"]),
          intent.agentId,
        ),
      run:
        intent.startsRun && typeof runId === "string" && runId.length <= MAX_RUN_ID_LENGTH && !OVER.has(status)
          ? { id: runId, fresh }
          : undefined,
    };
  }
}

/**
 * Upstream lets these roles read a session, so a request from them counts even if the release does not know its
 * method.
 */
function mayRead({ connect: { role = "operator", scopes } }: GatewayClient): boolean {
  if (role !== "operator") return false;
  return !Array.isArray(scopes) || READ.some((scope) => scopes.includes(scope));
}

const READ = ["operator.read", "operator.write", "operator.admin"];

function claimLimitError(limit: number): GatewayError {
  return {
    code: "INVALID_REQUEST",
    message: MESSAGES.claimLimit(limit),
    retryable: false,
    details: { reason: "claim-limit", limit },
  };
}
