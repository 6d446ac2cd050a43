/** OpenClaw's commands for scripts: each ends as on the control gateway, and prints the same. */
import { WebSocket } from "ws";
import { expect, inject, test } from "vitest";
import { answer, connect, freshSession, say } from "../gateway/contract.ts";
import { capabilities } from "../support/gateway/capabilities.ts";
import { until } from "../support/scene/cron-scene.ts";
import type { Endpoint } from "../support/wire/clients.ts";
import { networkTo, onBoth } from "./both.ts";
import { homeFor, openclaw, start } from "./program.ts";

const ADMIN = ["operator.admin", "operator.read", "operator.write"];
const capable = capabilities(inject("plain").release);

test("openclaw agent prints the whole reply, and ends as on the control gateway when its connection is cut", async () => {
  const seen = await onBoth(async (gateway) => {
    const [whole, cut] = [freshSession("cli"), freshSession("cli")];
    const first = start(
      await homeFor(gateway),
      openclaw(gateway, "agent", "--agent", "main", "--message", say(whole.id, 12, 50)),
    );
    const code = await first.ended();
    const printed = first.output().stdout.includes(answer(whole.id, 12));
    const network = await networkTo(gateway);
    const watcher = await connect(gateway);
    await watcher.request("chat.history", { sessionKey: "agent:main:main" });
    const second = start(
      await homeFor(gateway, network.url),
      openclaw(gateway, "agent", "--agent", "main", "--message", say(cut.id, 60, 100)),
    );
    const ended = second.ended();
    await watcher.waitFor((frame) => frame.json.includes(`${cut.id}-4`), 90_000, "the reply's first words");
    network.cut();
    network.heal();
    return { code, printed, ended: await ended, late: second.output().stdout.includes(answer(cut.id, 60)) };
  });
  expect(seen.control).toMatchObject({ code: 0, printed: true });
  expect(seen.module).toEqual(seen.control);
});

test.skipIf(!capable.waitsForCronRuns)("openclaw cron run --wait ends with the run and says how it went", async () => {
  const seen = await onBoth(async (gateway) => {
    const { id } = freshSession("cron");
    const admin = await connect(gateway, { scopes: ADMIN });
    const job = await admin.request("cron.add", {
      name: id,
      schedule: { kind: "at", at: new Date(Date.now() + 3_600_000).toISOString() },
      sessionTarget: "isolated",
      wakeMode: "next-heartbeat",
      payload: { kind: "agentTurn", message: say(id, 6) },
      deleteAfterRun: false,
      delivery: { mode: "none" },
    });
    const jobId = String(job["id"] ?? (job["job"] as { id?: unknown } | undefined)?.id);
    const program = start(
      await homeFor(gateway),
      openclaw(gateway, "cron", "run", jobId, "--wait", "--wait-timeout", "90s", "--poll-interval", "500ms"),
    );
    const code = await program.ended();
    return { code, told: program.output().stdout.includes(answer(id, 6)) };
  });
  expect(seen.control).toMatchObject({ code: 0 });
  expect(seen.module).toEqual(seen.control);
});

/** Makes the gateway write a line: somebody knocks with the wrong token. */
async function knock({ url }: Endpoint): Promise<void> {
  const socket = new WebSocket(url);
  socket.on("error", () => undefined);
  socket.on("message", () =>
    socket.send(
      JSON.stringify({
        type: "req",
        id: "1",
        method: "connect",
        params: {
          minProtocol: 3,
          maxProtocol: 4,
          client: { id: "gateway-client", mode: "backend", version: "0", platform: "linux" },
          role: "operator",
          scopes: ["operator.read"],
          auth: { token: "wrong" },
        },
      }),
    ),
  );
  await new Promise((resolve) => socket.once("close", resolve));
}

test("openclaw logs --follow shows a new line of the log, also after its connection was cut", async () => {
  const seen = await onBoth(async (gateway) => {
    const network = await networkTo(gateway);
    const program = start(
      await homeFor(gateway, network.url),
      openclaw(gateway, "logs", "--follow", "--interval", "300", "--plain"),
    );
    const knocks = (): number => program.output().stdout.split("unauthorized").length - 1;
    await until(() => program.output().stdout.includes("\n") || undefined, 90_000, "the log so far");
    const shown: boolean[] = [];
    for (const cut of [false, true]) {
      if (cut) {
        network.cut();
        network.heal();
      }
      const before = knocks();
      await knock(gateway);
      const line = until(() => knocks() > before || undefined, 30_000, "the new line");
      shown.push(
        await line.then(
          () => true,
          () => false,
        ),
      );
    }
    return shown;
  });
  expect(seen.control[0]).toBe(true);
  expect(seen.module).toEqual(seen.control);
});
