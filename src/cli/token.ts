/** Where the gateway's token comes from: never the command line, which every process can read. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Failure, oneLine } from "./failure.ts";
import { MESSAGES } from "./messages.ts";

/** The environment variable that OpenClaw itself reads. */
export const TOKEN_VARIABLE = "OPENCLAW_GATEWAY_TOKEN";

/** Options that {@link addTokenOptions} adds. */
export interface TokenOptions {
  readonly tokenFile?: string;
  readonly tokenStdin?: boolean;
}

/** Adds `--token-file` and `--token-stdin` to a subcommand. */
export function addTokenOptions(command: Command): Command {
  return command
    .option(
      "--token-file <file>",
      `read the gateway's token from a file (otherwise: $${TOKEN_VARIABLE}; for the local gateway, OpenClaw's configuration)`,
    )
    .option("--token-stdin", "read the gateway's token from stdin");
}

/**
 * The token: from stdin or a file if requested, otherwise from the environment.
 *
 * @returns undefined if the environment has no token
 * @throws {Failure} if the named source is unreadable or empty, or two are named
 */
export async function readToken(
  options: TokenOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string | undefined> {
  const { tokenFile, tokenStdin } = options;
  if (tokenFile !== undefined && tokenStdin) throw new Failure(MESSAGES.twoTokens);
  if (tokenStdin) return nonEmpty(await readAll(process.stdin), "stdin");
  if (tokenFile !== undefined) {
    const text = await readFile(tokenFile, "utf8").catch((cause: unknown) => {
      throw new Failure(MESSAGES.tokenFileUnreadable(oneLine((cause as Error).message)), { cause });
    });
    return nonEmpty(text, tokenFile);
  }
  return env[TOKEN_VARIABLE]?.trim() || undefined;
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

function nonEmpty(text: string, source: string): string {
  const token = text.trim();
  if (token === "") throw new Failure(MESSAGES.noToken(source));
  return token;
}
