/** A node host: it serves commands to the gateway, gets no session's events, and comes back after a cut. */
import { expect, onTestFinished, test } from "vitest";
import { connect, converse, freshSession, say } from "../gateway/contract.ts";
import { until } from "../support/scene/cron-scene.ts";
import type { Client } from "../support/wire/clients.ts";
import { startFrameProxy } from "../support/wire/frame-proxy.ts";
import { onBoth } from "./both.ts";
import { end, homeFor, openclaw, start } from "./program.ts";

const SCOPES = ["operator.admin", "operator.read", "operator.write", "operator.pairing"];
const NAME = "Test node";

interface Listed {
  readonly displayName?: string;
  readonly connected?: boolean;
  readonly connectedAtMs?: number;
}

async function node(admin: Client): Promise<Listed | undefined> {
  const { nodes } = await admin.request("node.list", {});
  return (nodes as readonly Listed[] | undefined)?.find(({ displayName }) => displayName === NAME);
}

/** Admits devices that wait. @returns how many */
async function approve(admin: Client): Promise<number> {
  const { pending } = await admin.request("device.pair.list", {});
  const waiting = (pending ?? []) as readonly { readonly requestId: string }[];
  for (const { requestId } of waiting) {
    // The device may have asked anew meanwhile.
    await admin.request("device.pair.approve", { requestId }).catch((error: Error) => {
      if (!error.message.includes("unknown requestId")) throw error;
    });
  }
  return waiting.length;
}

test("a node host connects, gets no event of a session, and comes back after a cut connection", async () => {
  const seen = await onBoth(async (gateway) => {
    const admin = await connect(gateway, { scopes: SCOPES });
    const wire = await startFrameProxy(gateway.url);
    onTestFinished(() => wire.close());
    const { hostname, port } = new URL(wire.url);
    const home = await homeFor(gateway, wire.url);
    const run = openclaw(gateway, "node", "run", "--host", hostname, "--port", port, "--display-name", NAME);
    let program = start(home, run);
    await until(
      async () => {
        if ((await approve(admin)) > 0) {
          end(program.child);
          program = start(home, run);
        }
        return (await node(admin))?.connected === true || undefined;
      },
      120_000,
      "the node is connected",
    );
    const { key, id } = freshSession("node");
    await converse(await connect(gateway), key, say(id, 4));
    const heard = wire.wire.entries.some(({ text }) => text.includes(id));
    wire.cut();
    await until(async () => (await node(admin))?.connected !== true || undefined, 20_000, "the node is gone");
    await until(async () => (await node(admin))?.connected === true || undefined, 60_000, "the node is back");
    end(program.child);
    return { heard };
  });
  expect(seen.control).toEqual({ heard: false });
  expect(seen.module).toEqual(seen.control);
});
