/** What requests do to claims: from what a request says, and from the gateway's answer to it. */
import type { SessionKeys } from "../gateway/session-keys.ts";
import type { GatewayClient, GatewayError } from "../gateway/types.ts";
import type { ClaimIntent, NewClaim } from "../policy/claim-intent.ts";
import type { AcceptedAnswer, Claims, PendingClaim } from "../policy/claims.ts";
import { agentIdOf } from "../policy/cron-keys.ts";
import { fieldsOrNone } from "../policy/fields.ts";
import type { Passage } from "./requests.ts";

/** Run ids are UUIDs or idempotency keys of the client's; longer ones are not remembered. */
const MAX_RUN_ID_LENGTH = 256;

/** What claim requests need of their gateway's scope. */
interface ClaimRequestsHost {
  readonly claims: Claims<GatewayClient>;
  readonly keys: SessionKeys;
  /** `limits.claimsPerConnection` */
  readonly limit: number;
  /** Runs what must not throw into the gateway. */
  safely(action: () => void): void;
  /** A request of a connection was answered, or will not be: what is held for it may go or stay. */
  settled(client: GatewayClient): void;
}

export class ClaimRequests {
  readonly #host: ClaimRequestsHost;

  constructor(host: ClaimRequestsHost) {
    this.#host = host;
  }

  /** Canonical keys of the sessions that a request names, by the configuration of now. */
  keysOf(intent: ClaimIntent): readonly string[] {
    this.#host.keys.refresh();
    return intent.kind === "roster" ? [] : this.#canonicalAll(intent.keys, intent.agentId);
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
      // Leaving takes effect at once and needs nobody's consent; old releases lack the method.
      for (const key of keys) this.#host.claims.unclaim(client, key);
      return this.#onAnswer(client, () => {});
    }
    const claim = this.#host.claims.begin(client, keys, intent.explicit);
    if (!claim) return { refuse: claimLimitError(this.#host.limit) };
    return this.#onAnswer(
      client,
      (ok, payload) => {
        if (ok) claim.accept(this.#readAnswer(intent, payload));
        else claim.reject();
      },
      claim,
    );
  }

  #onAnswer(
    client: GatewayClient | undefined,
    settle: (ok: boolean, payload: unknown) => void,
    claim?: PendingClaim,
  ): Passage {
    return {
      answered: ({ ok, payload }) =>
        this.#host.safely(() => {
          settle(ok, payload);
          if (client) this.#host.settled(client);
        }),
      ended: (unanswered) => {
        if (!unanswered) return;
        this.#host.safely(() => {
          claim?.reject();
          if (client) this.#host.settled(client);
        });
      },
    };
  }

  #canonicalAll(values: readonly unknown[], agentId: string | undefined): string[] {
    return values.map((value) => this.#host.keys.canonical(value, agentId)).filter((key) => key !== undefined);
  }

  #readAnswer(intent: NewClaim, payload: unknown): AcceptedAnswer {
    const body = fieldsOrNone(payload);
    const { runId, previews } = body;
    const listed = intent.answer === "listed" ? (Array.isArray(previews) ? (previews as unknown[]) : []) : undefined;
    return {
      extraKeys:
        intent.answer === "chosen" ? this.#canonicalAll([body["key"] ?? body["sessionKey"]], intent.agentId) : [],
      only:
        listed &&
        this.#canonicalAll(
          listed.map((row) => fieldsOrNone(row)["key"]),
          intent.agentId,
        ),
      runId: intent.startsRun && typeof runId === "string" && runId.length <= MAX_RUN_ID_LENGTH ? runId : undefined,
    };
  }
}

function claimLimitError(limit: number): GatewayError {
  return {
    code: "INVALID_REQUEST",
    message: `event-isolation: this connection already claims ${limit} sessions (limits.claimsPerConnection); leave one with sessions.messages.unsubscribe or open another connection`,
    retryable: false,
    details: { reason: "claim-limit", limit },
  };
}
