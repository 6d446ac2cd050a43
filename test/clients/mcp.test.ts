/** `openclaw mcp serve`, which Claude Code and Codex read OpenClaw by, asked by the official MCP client. */
import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { connect, converse, freshSession, say } from "../gateway/contract.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { type Config, merge } from "../support/gateway/gateway-config.ts";
import { until } from "../support/scene/cron-scene.ts";
import type { Endpoint } from "../support/wire/clients.ts";
import { networkTo, onBoth } from "./both.ts";
import { clientModule } from "./packages.ts";
import { end, homeFor, openclaw } from "./program.ts";

/** The entry of docs/clients.md. */
const OBSERVERS = [{ clientId: "cli", mode: "cli", displayName: "OpenClaw MCP" }];

interface McpClient {
  connect(transport: unknown): Promise<void>;
  callTool(call: object, schema: undefined, options: { timeout: number }): Promise<{ structuredContent?: unknown }>;
  close(): Promise<void>;
}
type Stdio = new (server: object) => { readonly pid: number | null };

/** Calls one of the bridge's tools. A busy machine takes a minute to start it. */
async function ask(client: McpClient, name: string, args: object): Promise<unknown> {
  const { structuredContent } = await client.callTool({ name, arguments: args }, undefined, { timeout: 150_000 });
  return structuredContent ?? {};
}

interface Message {
  readonly sessionKey: string;
  readonly role: string;
  readonly text: string;
}

async function mcpServe(gateway: Endpoint, url?: string): Promise<McpClient> {
  const { Client } = await clientModule<{ Client: new (self: object) => McpClient }>(
    "@modelcontextprotocol/sdk/dist/esm/client/index.js",
  );
  const { StdioClientTransport } = await clientModule<{ StdioClientTransport: Stdio }>(
    "@modelcontextprotocol/sdk/dist/esm/client/stdio.js",
  );
  const home = await homeFor(gateway, url);
  const [command, ...args] = openclaw(gateway, "mcp", "serve", "--claude-channel-mode", "off");
  const transport = new StdioClientTransport({ command, args, cwd: home.dir, env: home.env, stderr: "ignore" });
  const client = new Client({ name: "event-isolation-test", version: "1" });
  await client.connect(transport);
  const { pid } = transport;
  onTestFinished(async () => {
    await client.close();
    end({ pid });
  });
  // Answers only when the bridge has subscribed.
  await ask(client, "conversations_list", {});
  return client;
}

/** Messages of a session that the bridge has seen so far, as `role: text`. */
async function messages(client: McpClient, key: string): Promise<string[]> {
  const polled = await ask(client, "events_poll", { session_key: key, limit: 200 });
  const { events = [] } = polled as { events?: readonly Message[] };
  return events.filter(({ sessionKey }) => sessionKey === key).map(({ role, text }) => `${role}: ${text}`);
}

/** Somebody else talks in a session; what the bridge has of it then. */
async function overhears(gateway: Endpoint, client: McpClient): Promise<string[]> {
  const { key, id } = freshSession("mcp");
  const person = await connect(gateway);
  const wait = ask(client, "events_wait", { session_key: key, timeout_ms: 15_000 });
  await converse(person, key, say(id, 4));
  await wait;
  const seen = await until(
    async () => {
      const now = await messages(client, key);
      return now.length >= 2 ? now : undefined;
    },
    3_000,
    "both messages",
  ).catch(() => messages(client, key));
  return seen.map((text) => text.replaceAll(id, "ID").replace(/^(\w+): .*(\[\[say|ID-0)/s, "$1: … $2"));
}

const log = (): Promise<string> => readFile(inject("files").log, "utf8");

/** Gives the gateway with the module the entry, for the rest of this file. */
async function letObserve(): Promise<void> {
  const { config } = inject("files");
  const now = JSON.parse(await readFile(config, "utf8")) as Config;
  const change: Config = { plugins: { entries: { "event-isolation": { config: { observers: OBSERVERS } } } } };
  await writeFile(config, JSON.stringify(merge(now, change), null, 2));
  await until(async () => /settings reloaded: .* 1 observer/.test(await log()) || undefined, 20_000, "new settings");
}

describe.skipIf(!capabilities(inject("plain").release).servesMcp)("openclaw mcp serve", () => {
  let before: string;
  beforeAll(async () => {
    before = await readFile(inject("files").config, "utf8");
  });
  afterAll(() => writeFile(inject("files").config, before));

  test("mcp serve hears nothing by default, is named in the log with its entry, and as that observer hears all", async () => {
    const [control, client] = [await mcpServe(inject("plain")), await mcpServe(inject("isolated"))];
    const heard = await overhears(inject("plain"), control);
    expect(heard.map((text) => text.split(":")[0])).toEqual(["user", "assistant"]);
    expect(await overhears(inject("isolated"), client)).toEqual([]);
    const lines = async (): Promise<string[]> =>
      (await log()).split("\n").filter((line) => /OpenClaw MCP.*only listens/.test(line));
    await until(async () => (await lines()).length > 0 || undefined, 20_000, "its name in the log");
    expect(await lines()).toEqual([
      expect.stringMatching(/\[event-isolation\] client "OpenClaw MCP" \(cli\/cli .*\) only listens/) as string,
    ]);
    expect((await lines())[0]).toContain(`observers: ${JSON.stringify(OBSERVERS[0])}`);
    await letObserve();
    expect(await overhears(inject("isolated"), client)).toEqual(heard);
  });

  test("mcp serve with its entry hears all again after a cut connection", async () => {
    await letObserve();
    const seen = await onBoth(async (gateway) => {
      const network = await networkTo(gateway);
      const bridge = await mcpServe(gateway, network.url);
      network.cut();
      network.heal();
      await until(
        async () => ((await overhears(gateway, bridge)).length === 2 ? true : undefined),
        60_000,
        "a new life",
      );
      return overhears(gateway, bridge);
    });
    expect(seen.control).toHaveLength(2);
    expect(seen.module).toEqual(seen.control);
  });
});
