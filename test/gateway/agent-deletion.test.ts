/** Claims end with the agent of their session. On gateways of its own: agents are part of the configuration. */
import { expect, inject, onTestFinished, test } from "vitest";
import { type Bed, openBed } from "../support/gateway/bed.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { until } from "../support/scene/cron-scene.ts";
import { freshSession, say, settle, traces } from "./contract.ts";
import { isolatedBed } from "./own-bed.ts";

const AGENT = "gone";
const KEY = `agent:${AGENT}:main`;

/** How many frames with words of the new agent reach a client that claimed a session of the old one. */
async function framesOfTheNewAgent(bed: Bed): Promise<number> {
  const boss = await bed.connect({ name: "boss", scopes: ["operator.admin", "operator.read", "operator.write"] });
  const create = async (): Promise<void> => {
    await boss.request("agents.create", { name: AGENT, workspace: `./${AGENT}` });
    // The gateway takes the agent over when it has read its configuration again.
    const listed = async () => {
      const { agents } = await boss.request("agents.list", {});
      return (agents as { id: string }[]).find(({ id }) => id === AGENT);
    };
    await until(listed, PATIENCE_MS, "the new agent");
  };
  await create();
  const claimant = await bed.connect({ name: "claimant" });
  await claimant.request("chat.history", { sessionKey: KEY, limit: 1 });
  await boss.request("agents.delete", { agentId: AGENT, deleteFiles: false });
  await create();
  const { id } = freshSession();
  const { runId } = await boss.chat(KEY, say(id));
  await boss.final(runId);
  await settle();
  return traces(claimant, { key: KEY, id }).length;
}

/** It boots two gateways and has each read its configuration again three times. */
const TIMEOUT_MS = 400_000;

test(
  "whoever claimed a session of an agent receives nothing of it once the agent has been deleted",
  async () => {
    const plain = await openBed(inject("plain").release);
    onTestFinished(() => plain.close());
    expect(await framesOfTheNewAgent(plain), "frames on the control gateway").toBeGreaterThan(0);
    expect(await framesOfTheNewAgent(await isolatedBed())).toBe(0);
  },
  TIMEOUT_MS,
);
