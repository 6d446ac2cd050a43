/** `openclaw acp`, by the library of the Agent Client Protocol (as Zed uses it) and by `acpx`. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { answer, freshSession, say } from "../gateway/contract.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { within } from "../support/within.ts";
import { until } from "../support/scene/cron-scene.ts";
import type { Endpoint } from "../support/wire/clients.ts";
import { networkTo, onBoth } from "./both.ts";
import { clientModule, ensureClients } from "./packages.ts";
import { end, homeFor, openclaw, start } from "./program.ts";

interface Update {
  readonly update: { readonly sessionUpdate: string; readonly content?: { readonly text?: string } };
}

/** The part of `ClientSideConnection` that is used. */
interface Agent {
  initialize(params: object): Promise<unknown>;
  newSession(params: object): Promise<{ readonly sessionId: string }>;
  prompt(params: object): Promise<{ readonly stopReason: string }>;
}

interface Acp {
  readonly PROTOCOL_VERSION: number;
  readonly ClientSideConnection: new (client: () => object, stream: unknown) => Agent;
  ndJsonStream(output: unknown, input: unknown): unknown;
}

interface Editor {
  text(): string;
  prompt(text: string): Promise<string>;
}

function acpCommand(gateway: Endpoint): [string, ...string[]] {
  const session = capabilities(gateway.release).hearsOwnAcpSessions ? [] : ["--session", freshSession("acp").key];
  return openclaw(gateway, "acp", "--no-prefix-cwd", ...session);
}

/** An editor that talks to `openclaw acp`, which talks to a gateway by `url`. */
async function editor(gateway: Endpoint, url: string): Promise<Editor> {
  const { ClientSideConnection, ndJsonStream, PROTOCOL_VERSION } = await clientModule<Acp>(
    "@agentclientprotocol/sdk/dist/acp.js",
  );
  const home = await homeFor(gateway, url);
  const [command, ...args] = acpCommand(gateway);
  const child = spawn(command, args, { cwd: home.dir, env: home.env, stdio: ["pipe", "pipe", "ignore"] });
  onTestFinished(() => end(child));
  let text = "";
  const agent = new ClientSideConnection(
    () => ({
      sessionUpdate: ({ update }: Update) => {
        if (update.sessionUpdate === "agent_message_chunk") text += update.content?.text ?? "";
        return Promise.resolve();
      },
      requestPermission: () => Promise.resolve({ outcome: { outcome: "cancelled" } }),
    }),
    ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout)),
  );
  await within(agent.initialize({ protocolVersion: PROTOCOL_VERSION, clientCapabilities: {} }), "acp is there", 90_000);
  const { sessionId } = await within(agent.newSession({ cwd: home.dir, mcpServers: [] }), "a session", 60_000);
  return {
    text: () => text,
    prompt: async (message) => {
      const prompt = [{ type: "text", text: message }];
      return (await agent.prompt({ sessionId, prompt })).stopReason;
    },
  };
}

test("openclaw acp ends its turn with the whole reply, also when its connection was cut in the middle of it", async () => {
  const seen = await onBoth(async (gateway) => {
    const network = await networkTo(gateway);
    const zed = await editor(gateway, network.url);
    const [first, second] = [freshSession("acp"), freshSession("acp")];
    const whole = await within(zed.prompt(say(first.id, 12, 50)), "the end of an undisturbed turn", 90_000);
    const undisturbed = zed.text();
    // 2026.5 answers a message that follows a final at once with an empty one.
    await sleep(2_000);
    const turn = zed.prompt(say(second.id, 60, 100));
    await until(() => zed.text().includes(`${second.id}-4`) || undefined, 60_000, "the first words");
    network.cut();
    network.heal();
    const stopReason = await within(turn, "the end of the turn", 45_000).catch(() => "HANGS");
    return {
      whole,
      undisturbed: undisturbed.replaceAll(first.id, "ID"),
      stopReason,
      text: zed.text().slice(undisturbed.length).replaceAll(second.id, "ID"),
    };
  });
  expect(seen.control).toMatchObject({ whole: "end_turn", undisturbed: answer("ID", 12), stopReason: "end_turn" });
  expect(seen.module).toEqual(seen.control);
});

test("acpx prints the reply of one prompt through openclaw acp", async () => {
  const acpx = join(await ensureClients(), "node_modules/acpx/dist/cli.js");
  const seen = await onBoth(async (gateway) => {
    const { id } = freshSession("acpx");
    const agent = acpCommand(gateway).join(" ");
    const program = start(await homeFor(gateway), [
      process.execPath,
      acpx,
      "--agent",
      agent,
      "--format",
      "quiet",
      "--timeout",
      "90",
      "exec",
      say(id, 6),
    ]);
    const code = await program.ended();
    return { code, text: program.output().stdout.replaceAll(id, "ID").trim() };
  });
  expect(seen.control).toEqual({ code: 0, text: answer("ID", 6) });
  expect(seen.module).toEqual(seen.control);
});
