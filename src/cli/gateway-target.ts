/**
 * Which gateway a command talks to, and with which token: from the options, otherwise as OpenClaw's own client finds
 * it.
 */
import type { Command } from "commander";
import { type Connection, connectGateway, RequestError } from "./connect.ts";
import { createDevice } from "./device.ts";
import { at, type Env, type OpenclawConfig, readConfig, textAt } from "./openclaw-config.ts";
import { addTokenOptions, readToken, type TokenOptions } from "./token.ts";

export interface GatewayOptions extends TokenOptions {
  readonly url?: string;
  readonly tlsFingerprint?: string;
}

export interface GatewayTarget {
  readonly url: string;
  readonly token: string | undefined;
  readonly tlsFingerprint: string | undefined;
}

const DEFAULT_PORT = 18789;

/** The scopes that a connection asks for by default. */
export const DEFAULT_SCOPES: readonly string[] = ["operator.read"];

/** Adds `--url`, the token's options and `--tls-fingerprint`. */
export function addGatewayOptions(command: Command): Command {
  command.option("--url <url>", "the gateway's address (default: the local one of OpenClaw's configuration)");
  return addTokenOptions(command).option(
    "--tls-fingerprint <sha256>",
    "fingerprint of a wss:// gateway's certificate that no known authority signed",
  );
}

/**
 * The gateway that the options name; without `--url` the local one, with the token of OpenClaw's configuration.
 *
 * @param config of OpenClaw; read from its file unless given
 * @throws {Failure} if the token's source or the configuration cannot be read
 */
export async function gatewayTarget(
  options: GatewayOptions,
  env: Env,
  config?: OpenclawConfig,
): Promise<GatewayTarget> {
  const { tlsFingerprint } = options;
  const token = await readToken(options, env);
  const url = options.url ?? env["OPENCLAW_GATEWAY_URL"]?.trim();
  if (url) return { url, token, tlsFingerprint };
  const local = config ?? readConfig(env).config;
  const port = Number(env["OPENCLAW_GATEWAY_PORT"] || at(local, "gateway", "port") || DEFAULT_PORT);
  const scheme = at(local, "gateway", "tls", "enabled") === true ? "wss" : "ws";
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    token: token ?? textAt(env, local, "gateway", "auth", "token"),
    tlsFingerprint,
  };
}

/**
 * Uses a connection. On releases that give a backend without a device identity no scopes, tries again with one.
 * Closes both.
 *
 * @throws {Failure} if the connection fails
 * @throws what `use` throws
 */
export async function withConnection<T>(
  target: GatewayTarget,
  options: { readonly timeoutMs?: number; readonly scopes: readonly string[] },
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  for (const device of [undefined, createDevice()]) {
    const connection = await connectGateway({ ...target, ...options, device });
    try {
      return await use(connection);
    } catch (error) {
      // A scope that was not requested is missing with a device, too.
      const taken = error instanceof RequestError && options.scopes.includes(error.missingScope ?? "");
      if (device || !taken) throw error;
    } finally {
      await connection.close();
    }
  }
  throw new Error("unreachable: the second attempt answers or throws");
}
