import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Server as NetServer } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import type { DoctorReport } from "../../src/cli/doctor.ts";
import { openBed, type OpenBed } from "../support/gateway/bed.ts";
import { freePort } from "../support/gateway/gateway.ts";
import { selfSigned } from "../support/wire/self-signed.ts";
import { command, emptyFolder, expectFailure } from "./command.ts";

const status = (url: string, token: string | undefined, ...args: string[]) =>
  command(["status", "--url", url, ...args], { env: { OPENCLAW_GATEWAY_TOKEN: token } });

function listen(server: NetServer): Promise<number> {
  onTestFinished(() => void server.close());
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

test("the commands report an unreachable port", async () => {
  const url = `ws://127.0.0.1:${await freePort()}`;
  expectFailure(await status(url, "t"), 2, /nothing listens at ws:\/\/127\.0\.0\.1:\d+: start the gateway/);
});

test("the commands report an address that is invalid or not a gateway's", async () => {
  const web = createServer((_, response) => response.end("hello"));
  expectFailure(
    await status(`ws://127.0.0.1:${await listen(web)}`, "t"),
    2,
    /does not answer like an OpenClaw gateway/,
  );
  expectFailure(
    await status("http://127.0.0.1:1", "t"),
    2,
    /invalid gateway URL "http:\/\/127\.0\.0\.1:1": expected ws:/,
  );
  expectFailure(await status("ws://no-such-host.invalid", "t"), 2, /host no-such-host.invalid not found|use wss/);
});

test("the commands report a gateway of a later release that speaks another protocol (a stand-in: none exists yet)", async () => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on("connection", (socket) => {
    socket.send(JSON.stringify({ type: "event", event: "connect.challenge", payload: { nonce: "n", ts: Date.now() } }));
    socket.on("message", (data) => {
      const { id } = JSON.parse(data.toString()) as { id: string };
      const error = { code: "INVALID_REQUEST", message: "protocol mismatch", details: { expectedProtocol: 9 } };
      socket.send(JSON.stringify({ type: "res", id, ok: false, error }));
      socket.close(1002, "protocol mismatch");
    });
  });
  const url = `ws://127.0.0.1:${await listen(http)}`;
  expectFailure(await status(url, "t"), 2, /does not speak protocol version 3 or 4: update openclaw-event-isolation/);
});

describe("with a real gateway", () => {
  let bed: OpenBed;
  beforeAll(async () => {
    bed = await openBed({ ...inject("openclaw"), installed: false });
  });
  afterAll(() => bed?.close());

  test("the commands report a wrong or missing token and where the right one may come from", async () => {
    const { url, token } = bed.gateway;
    expectFailure(await status(url, "wrong"), 2, /refused this connection .*check that OPENCLAW_GATEWAY_TOKEN/);
    expectFailure(await status(url, undefined), 2, /no token was given: set OPENCLAW_GATEWAY_TOKEN/);
    const file = join(emptyFolder(), "token");
    writeFileSync(file, `${token}\n`);
    // The gateway has no plugin: that it says so means that the token was right.
    const known = /does not say whether it is protected/;
    expectFailure(await status(url, undefined, "--token-file", file), 2, known);
    const piped = await command(["status", "--url", url, "--token-stdin"], { input: `${token}\n` });
    expectFailure(piped, 2, known);
    expectFailure(await status(url, undefined, "--token-file", "/nowhere"), 2, /token file cannot be read: .*ENOENT/);
    expectFailure(await command(["status", "--url", url, "--token-stdin"]), 2, /no token in stdin/);
  });

  test("the commands print a stack trace only with --verbose, and never the token", async () => {
    const { stderr } = await status(bed.gateway.url, "wrong-token", "--verbose");
    expect(stderr).toMatch(/\n {4}at /);
    expect(stderr).toMatch(/caused by /);
    expect(stderr).not.toContain("wrong-token");
  });

  test("the commands accept a gateway with a self-signed certificate only with its fingerprint", async () => {
    const { key, cert } = selfSigned(emptyFolder());
    // A TLS front of the real gateway, as a reverse proxy is.
    const front = createTlsServer({ key, cert }, (socket) => {
      const behind = connect(bed.gateway.port, "127.0.0.1");
      socket.on("error", () => behind.destroy());
      behind.on("error", () => socket.destroy());
      socket.pipe(behind).pipe(socket);
    });
    const url = `wss://127.0.0.1:${await listen(front)}`;
    const { token } = bed.gateway;
    const { fingerprint256 } = new X509Certificate(cert);
    const failed = await status(url, token);
    expectFailure(failed, 2, /certificate of wss:.* is not signed by a known authority .*--tls-fingerprint/);
    expect(failed.stderr).toContain(fingerprint256);
    expectFailure(
      await status(url, token, "--tls-fingerprint", fingerprint256),
      2,
      /does not say whether it is protected/,
    );
    const other = fingerprint256.replace(/^../, fingerprint256.startsWith("00") ? "01" : "00");
    expectFailure(
      await status(url, token, "--tls-fingerprint", other),
      2,
      /does not match --tls-fingerprint: its fingerprint is/,
    );
    expectFailure(await status(bed.gateway.url.replace("ws:", "wss:"), token), 2, /does not speak TLS: use ws:/);
  });

  test("doctor finds the local gateway and its token through OpenClaw's own configuration", async () => {
    const { stateDir, configPath } = bed.gateway;
    const { code, stdout } = await command(["doctor", "--json"], {
      env: { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_CONFIG_PATH: configPath },
    });
    const { checks } = JSON.parse(stdout) as DoctorReport;
    expect(checks.filter(({ name }) => name === "gateway")).toEqual([
      {
        name: "gateway",
        level: "warning",
        text: expect.stringContaining("the optional plugin event-isolation is not installed"),
      },
    ]);
    expect(checks).toContainEqual({ name: "heartbeat", level: "ok", text: "agent main: off" });
    expect(code).toBe(1);
  });
});
