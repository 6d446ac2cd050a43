/** npm `openclaw-node` as chat servers use it: one connection for many people. It speaks protocol 4 only. */
import { join } from "node:path";
import { beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { answer, freshSession, say } from "../gateway/contract.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { until } from "../support/scene/cron-scene.ts";
import type { Endpoint } from "../support/wire/clients.ts";
import { networkTo, onBoth } from "./both.ts";
import { clientModule, ensureClients } from "./packages.ts";
import { homeFor } from "./program.ts";

interface NodeEvent {
  readonly event: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** The part of `OpenClawClient` that is used. */
interface NodeClient {
  connect(): Promise<unknown>;
  disconnect(): Promise<void>;
  on(event: "event", listener: (event: NodeEvent) => void): void;
  on(event: "error" | "connected" | "disconnected", listener: () => void): void;
  request(method: string, params: object): Promise<{ readonly payload?: Readonly<Record<string, unknown>> }>;
  chat(
    message: string,
    options: { sessionKey: string },
  ): AsyncIterable<{ readonly type: string; readonly text: string }>;
  readonly sessions: {
    subscribeMessages(key: string, handler: (event: NodeEvent) => void): Promise<{ unsubscribe(): Promise<void> }>;
  };
}

const WORDS = 20;

async function connected(gateway: Endpoint, url = gateway.url): Promise<NodeClient> {
  const { OpenClawClient } = await clientModule<{ OpenClawClient: new (options: object) => NodeClient }>(
    "openclaw-node/dist/index.mjs",
  );
  const { dir } = await homeFor(gateway);
  const client = new OpenClawClient({
    url,
    token: gateway.token,
    deviceIdentityPath: join(dir, "device.json"),
    autoReconnect: true,
  });
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.disconnect());
  return client;
}

describe.skipIf(!capabilities(inject("plain").release).speaksProtocol4)("npm openclaw-node", () => {
  beforeAll(ensureClients, 240_000);

  test("openclaw-node streams a reply to its end after the person has left the page", async () => {
    const seen = await onBoth(async (gateway) => {
      const client = await connected(gateway);
      const { key, id } = freshSession("node");
      const page = await client.sessions.subscribeMessages(key, () => undefined);
      let text = "";
      let left = false;
      for await (const chunk of client.chat(say(id, WORDS, 100), { sessionKey: key })) {
        if (chunk.type === "text") text += chunk.text;
        if (chunk.type === "error") throw new Error(chunk.text);
        if (left || chunk.type !== "text") continue;
        left = true;
        await page.unsubscribe();
      }
      return text.replaceAll(id, "ID");
    });
    expect(seen.control).toBe(answer("ID", WORDS));
    expect(seen.module).toBe(seen.control);
  });

  test("openclaw-node takes a run up again after a cut connection by agent.wait", async () => {
    const seen = await onBoth(async (gateway) => {
      const network = await networkTo(gateway);
      const client = await connected(gateway, network.url);
      const { key, id } = freshSession("node");
      const finals: string[] = [];
      let words = 0;
      client.on("event", ({ event, payload }) => {
        if (payload?.["sessionKey"] !== key) return;
        if (event === "agent") words += 1;
        if (event === "chat" && payload["state"] === "final") finals.push(JSON.stringify(payload["message"]));
      });
      let reconnected = false;
      client.on("connected", () => (reconnected = true));
      const { payload } = await client.request("chat.send", {
        sessionKey: key,
        message: say(id, 60, 100),
        idempotencyKey: `node-${id}`,
      });
      await until(() => words > 3 || undefined, 30_000, "some words");
      reconnected = false;
      network.cut();
      network.heal();
      await until(() => reconnected || undefined, 30_000, "a new connection");
      await client.request("agent.wait", { runId: payload?.["runId"], timeoutMs: 0 });
      await until(() => finals.length > 0 || undefined, 20_000, "the final").catch(() => undefined);
      return finals.some((final) => final.includes(answer(id, 60)));
    });
    expect(seen.control).toBe(true);
    expect(seen.module).toBe(seen.control);
  });
});
