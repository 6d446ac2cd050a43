/** The example server with two browser-like clients: each its own reply, a stop endpoint, and a browser that leaves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { answer, freshSession, say } from "./contract.ts";
import { isolatedBed } from "./own-bed.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { PROGRAM_MS, within } from "../support/within.ts";

const SERVER = fileURLToPath(new URL("../../examples/sse-server/server.mjs", import.meta.url));

async function startServer(url: string, token: string): Promise<{ base: string; output: () => string }> {
  const folder = await mkdtemp(join(tmpdir(), "event-isolation-sse-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const tokenFile = join(folder, "token");
  await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  const child = spawn(process.execPath, [SERVER], {
    env: { PATH: process.env["PATH"], PORT: "0", OPENCLAW_GATEWAY_URL: url, OPENCLAW_TOKEN_FILE: tokenFile },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGTERM");
    expect(await within(exited, "the server ends"), "ends by itself").toEqual([0, null]);
  });
  let output = "";
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const found = /listening on (\S+)/.exec(output);
      if (found) listening.resolve(found[1]!);
    });
  }
  void exited.then(() => listening.reject(new Error(output)));
  return { base: await within(listening.promise, "the server listens"), output: () => output };
}

interface Browser {
  readonly runId: string;
  readonly events: AsyncIterator<{ name: string; data: Record<string, unknown> }>;
  leave(): void;
}

/** What EventSource does, with a POST. */
async function ask(base: string, user: string, message: string): Promise<Browser> {
  const controller = new AbortController();
  const response = await fetch(`${base}/chat`, {
    method: "POST",
    headers: { "x-user": user },
    body: JSON.stringify({ message }),
    signal: AbortSignal.any([controller.signal, AbortSignal.timeout(PROGRAM_MS)]),
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  async function* events() {
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const found = /^event: (.+)\ndata: (.+)$/.exec(text.slice(0, end));
        text = text.slice(end + 2);
        if (found) yield { name: found[1]!, data: JSON.parse(found[2]!) as Record<string, unknown> };
      }
    }
  }
  return { runId: response.headers.get("x-run-id")!, events: events(), leave: () => controller.abort() };
}

async function untilText({ events }: Browser): Promise<void> {
  for (let next = await events.next(); !next.done; next = await events.next())
    if (next.value.name === "text-delta") return;
}

async function rest({ events }: Browser) {
  const all = [];
  for (let next = await events.next(); !next.done; next = await events.next()) all.push(next.value);
  return all;
}

test("the SSE server streams to two browsers, stops a run on request, and aborts one whose browser leaves", async () => {
  const { gateway, model } = await isolatedBed();
  const { base, output } = await startServer(gateway.url, gateway.token);
  const ids = Array.from({ length: 4 }, () => freshSession().id);
  const [alice, bob] = await Promise.all([
    ask(base, "alice", say(ids[0]!, 15, 60)),
    ask(base, "bob", say(ids[1]!, 15, 60)),
  ]);
  const [ofAlice, ofBob] = await Promise.all([rest(alice), rest(bob)]);
  expect(ofAlice.at(-1)).toEqual({ name: "done", data: { type: "done", text: answer(ids[0]!, 15) } });
  expect(ofBob.at(-1)).toEqual({ name: "done", data: { type: "done", text: answer(ids[1]!, 15) } });
  expect(JSON.stringify(ofAlice)).not.toContain(ids[1]);
  expect(JSON.stringify(ofBob)).not.toContain(ids[0]);

  const [stopped, left] = await Promise.all([
    ask(base, "alice", say(ids[2]!, 600, 50)),
    ask(base, "bob", say(ids[3]!, 600, 50)),
  ]);
  await Promise.all([untilText(stopped), untilText(left)]);
  const stop = (user: string) =>
    fetch(`${base}/stop`, {
      method: "POST",
      headers: { "x-user": user },
      body: JSON.stringify({ runId: stopped.runId }),
    }).then((response) => response.json());
  expect(await stop("bob")).toEqual({ stopped: false });
  expect(await stop("alice")).toEqual({ stopped: true });
  expect((await rest(stopped)).at(-1)?.data).toMatchObject({ type: "lifecycle", phase: "aborted", confirmed: true });
  left.leave();
  for (const id of [ids[2]!, ids[3]!]) {
    expect(await model.waitFor(id, PATIENCE_MS, "settled"), "the model's request is closed").toMatchObject({
      aborted: true,
    });
  }
  expect(output()).not.toContain(gateway.token);
});
