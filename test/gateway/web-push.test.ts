/** A subscribed browser is notified only of sessions that the access rules let its device use. */
import { createECDH, createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { openBed, type OpenBed } from "../support/gateway/bed.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { createDevice, type Device } from "../support/gateway/device.ts";
import { selfSigned } from "../support/wire/self-signed.ts";
import { freshSession, say, settle } from "./contract.ts";
import { isolatedBed } from "./own-bed.ts";

const { release } = inject("isolated");
const TIMEOUT_MS = 300_000;
const SCOPES = ["operator.read", "operator.write"];

/** A push service on loopback, as a browser's maker runs one. Notes the topics of what it is told to deliver. */
async function pushService() {
  const folder = mkdtempSync(join(tmpdir(), "push-service-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { key, cert, certFile } = selfSigned(folder);
  const topics: (string | undefined)[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    topics.push(request.headers["topic"] as string | undefined);
    request.resume().on("end", () => response.writeHead(201).end());
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return { topics, certFile, endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}/browser` };
}

/** The release's topic for the end of a run. */
const topicOf = (runId: string): string =>
  createHash("sha256").update(`openclaw-agent-finished-${runId}`).digest("base64url").slice(0, 32);

/** Of which of two runs a subscribed browser is notified: one in its own session, one in another's. */
async function notifiedOf(browser: Device, isolated: boolean): Promise<{ own: boolean; other: boolean }> {
  const { topics, certFile, endpoint } = await pushService();
  const rules = [
    {
      match: { deviceId: browser.deviceId },
      sessions: ["agent:main:mine:*"],
      methods: ["push.web.subscribe", "push.web.preferences.set"],
    },
    { sessions: ["*"] },
  ];
  const env = { NODE_EXTRA_CA_CERTS: certFile };
  const bed: OpenBed = isolated
    ? await isolatedBed({ env, settings: { access: rules } })
    : await openBed(release, { env });
  onTestFinished(() => bed.close());
  // A backend's device is not paired, and only paired ones are notified.
  const page = await bed.connectRaw({ device: browser, scopes: SCOPES, client: { id: "cli", mode: "cli" } });
  const ecdh = createECDH("prime256v1");
  const keys = { p256dh: ecdh.generateKeys("base64url"), auth: randomBytes(16).toString("base64url") };
  await page.request("push.web.subscribe", { endpoint, keys });
  const preferences = { enabled: true, label: "", categories: { agentFinished: true } };
  await page.request("push.web.preferences.set", { endpoint, scope: "device", preferences });
  const person = await bed.connect({ name: "person" });
  const runIn = async (key: string): Promise<string> => {
    const { runId } = await person.chat(key, say(freshSession().id));
    await person.final(runId);
    return topicOf(runId);
  };
  const other = await runIn("agent:main:other:b");
  const own = await runIn("agent:main:mine:a");
  await vi.waitFor(() => expect(topics).toContain(own), { timeout: 60_000, interval: 200 });
  await settle();
  return { own: topics.includes(own), other: topics.includes(other) };
}

test.runIf(capabilities(release).pushesToBrowsers)(
  "a subscribed browser is notified of runs in all sessions, and under access rules of those that its device may use",
  async () => {
    const browser = createDevice();
    expect(await notifiedOf(browser, false)).toEqual({ own: true, other: true });
    expect(await notifiedOf(browser, true)).toEqual({ own: true, other: false });
  },
  TIMEOUT_MS,
);
