/** The shapes of OpenClaw's objects, as far as the module uses them. */

/** A connected WebSocket client, as the gateway holds it. */
export interface GatewayClient {
  readonly connId: string;
  readonly connect: {
    readonly role?: string;
    readonly scopes?: readonly string[];
    readonly caps?: readonly string[];
    readonly client?: {
      readonly id?: string;
      readonly mode?: string;
      readonly displayName?: string;
      readonly instanceId?: string;
      readonly version?: string;
    };
    readonly userAgent?: string;
    readonly device?: { readonly id?: string };
  };
  /** 2026.9: the user that a proxy or Tailscale vouches for, and the profile of that user. */
  readonly authenticatedUserId?: string;
  readonly authenticatedUserProfile?: { readonly profileId?: string };
  /** Its WebSocket; missing for the gateway's own requests. */
  readonly socket?: unknown;
}

/** The gateway's live set of clients; from 2026.8 on, it also looks them up by id. */
export interface GatewayClients {
  [Symbol.iterator](): IterableIterator<GatewayClient>;
  readonly size: number;
  has(client: GatewayClient): boolean;
  add(client: GatewayClient): unknown;
  delete(client: GatewayClient): boolean;
  clear(): void;
  getByConnectionId?(connId: string): GatewayClient | undefined;
  getByConnectionIds?(connIds: Iterable<string>): GatewayClient[];
}

export type Broadcast = (event: string, payload: unknown, opts?: unknown) => void;

/** What `createGatewayBroadcaster` takes. */
export interface BroadcasterParams {
  readonly clients: GatewayClients;
  /** From 2026.8 on: the gateway's own last decision on a frame for a client. */
  readonly canReceiveSessionEvent?: (client: GatewayClient, ...rest: unknown[]) => boolean;
  /** 2026.9: builds each client's version of a session's event; undefined if all get the same. */
  readonly prepareSessionEventProjection?: (event: unknown, payload: unknown, ...rest: unknown[]) => unknown;
}

/** What `createGatewayBroadcaster` returns; members that a release lacks are undefined. */
export interface Broadcaster {
  readonly broadcast: Broadcast;
  readonly broadcastToConnIds?: (event: string, payload: unknown, connIds: ReadonlySet<string>, opts?: unknown) => void;
  readonly broadcastPluginEvent?: (event: string, payload: unknown, scope: unknown) => void;
}

export type CreateBroadcaster = (params: BroadcasterParams) => Broadcaster;

/** An error answer, as upstream's `errorShape` builds it. */
export interface GatewayError {
  readonly code: string;
  readonly message: string;
  readonly retryable?: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

export type Respond = (ok: boolean, payload?: unknown, error?: GatewayError, ...rest: unknown[]) => void;

/** What `handleGatewayRequest` takes. */
export interface RequestOptions {
  readonly req: { readonly id?: unknown; readonly method: string; readonly params?: unknown };
  readonly client: GatewayClient | null | undefined;
  respond: Respond;
}

export type HandleRequest = (opts: RequestOptions, ...rest: unknown[]) => Promise<unknown>;

export interface AgentConfig {
  readonly id?: string;
  readonly default?: boolean;
  readonly heartbeat?: object;
}

/** OpenClaw's configuration, as far as the module reads it. */
export interface GatewayConfig {
  readonly gateway?: { readonly controlUi?: { readonly dangerouslyDisableDeviceAuth?: unknown } };
  readonly session?: { readonly mainKey?: string; readonly scope?: "per-sender" | "global" };
  readonly agents?: { readonly defaults?: AgentConfig; readonly list?: readonly AgentConfig[] };
  readonly hooks?: {
    readonly allowRequestSessionKey?: unknown;
    readonly allowedSessionKeyPrefixes?: unknown;
    readonly allowedAgentIds?: unknown;
  };
  readonly plugins?: {
    readonly entries?: Readonly<Record<string, { readonly config?: unknown } | undefined>>;
  };
}
