/** What makes a gateway send all other events: questions, approvals, devices, settings, and those of plugins. */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createDevice } from "../gateway/device.ts";
import type { Payload } from "../wire/clients.ts";
import type { Act } from "./every-event.ts";

type Pending = { readonly requestId: string; readonly deviceId?: string };

export const GATEWAY_ACTS: readonly Act[] = [
  {
    name: "a question",
    needs: ["question.request", "question.resolve"],
    async run({ boss, vault, plant }) {
      const label = plant("option");
      const options = [{ label }, { label: "no" }];
      const question = { questionId: "q1", header: "Vault", question: plant("question"), options };
      const asked = boss.request("question.request", { questions: [question], sessionKey: vault, timeoutMs: 20_000 });
      asked.catch(() => undefined);
      const { payload } = await boss.waitFor(
        ({ event }) => event === "question.requested",
        5_000,
        "question.requested",
      );
      const { id } = payload as { id: string };
      await boss.request("question.resolve", { id, answers: { answers: { q1: [label] } } });
    },
  },
  {
    name: "a suggested task",
    needs: ["taskSuggestions.create"],
    async run({ boss, bed, vault, plant }) {
      const cwd = join(bed.gateway.stateDir, "checkout");
      await mkdir(join(cwd, ".git"), { recursive: true }); // 2026.8.2 suggests tasks in checkouts only
      const made = await boss.request("taskSuggestions.create", {
        title: plant("task-title"),
        prompt: plant("task-prompt"),
        tldr: plant("task-tldr"),
        cwd,
        sessionKey: vault,
      });
      const taskId = made["taskId"] ?? (made["suggestion"] as Payload | undefined)?.["id"];
      await boss.request("taskSuggestions.dismiss", { taskId, reason: plant("dismissal") });
    },
  },
  {
    name: "an approval of a command",
    needs: ["exec.approval.request"],
    async run({ boss, vault, plant }) {
      const id = randomUUID();
      const word = plant("approval");
      const asked = boss.request("exec.approval.request", {
        id,
        command: `echo ${word}`,
        cwd: "/tmp",
        host: "gateway",
        sessionKey: vault,
        agentId: "main",
        timeoutMs: 20_000,
      });
      asked.catch(() => undefined);
      await sleep(700);
      await boss.request("exec.approval.resolve", { id, decision: "deny" });
    },
  },
  {
    name: "an approval of a plugin",
    needs: ["plugin.approval.request"],
    async run({ boss, claimer, vault, plant }) {
      const asked = boss.request("plugin.approval.request", {
        title: plant("plugin-approval"),
        description: plant("plugin-approval-text"),
        sessionKey: vault,
        agentId: "main",
        timeoutMs: 20_000,
        twoPhase: true,
      });
      asked.catch(() => undefined);
      // It is not shown to the connection that asked for it.
      const { payload } = await claimer.waitFor(({ event }) => event === "plugin.approval.requested", 5_000, "it");
      await boss.request("plugin.approval.resolve", { id: (payload as { id: string }).id, decision: "deny" });
    },
  },
  {
    name: "a portal",
    needs: ["portal.open"],
    async run({ boss, bed, plant }) {
      const opened = await boss.request("portal.open", {
        port: bed.model.port,
        title: plant("portal"),
        description: plant("portal-text"),
      });
      const id = opened["id"] ?? (opened["portal"] as Payload | undefined)?.["id"];
      await boss.request("portal.close", { id });
    },
  },
  {
    name: "talk",
    needs: ["talk.mode"],
    async run({ boss }) {
      await boss.request("talk.mode", { enabled: true, phase: "listening" });
    },
  },
  {
    name: "wake words",
    needs: ["voicewake.set"],
    async run({ boss }) {
      await boss.request("voicewake.set", { triggers: ["computer"] });
    },
  },
  {
    name: "where wake words lead",
    needs: ["voicewake.set", "voicewake.routing.set"],
    async run({ boss, vault }) {
      const routes = [{ trigger: "computer", target: { sessionKey: vault } }];
      await boss.request("voicewake.routing.set", { config: { defaultTarget: { mode: "current" }, routes } });
    },
  },
  {
    name: "an event of a plugin",
    needs: ["scene.emit", "plugin.*"],
    async run({ boss, vault, plant }) {
      await boss.request("scene.emit", {
        event: "keyed",
        payload: { deep: [{ session: vault }], note: plant("plugin-note") },
      });
      await boss.request("scene.emit", {
        event: "telling",
        payload: { text: `${plant("plugin-text")} in ${vault}` },
      });
    },
  },
  {
    name: "a node",
    needs: ["device.pair.list"],
    async run({ boss, bed, offers }) {
      const device = createDevice();
      const options = { role: "node", scopes: [], client: { id: "node-host", mode: "node" }, device };
      await bed.connectRaw(options).catch(() => undefined);
      const { pending } = (await boss.request("device.pair.list", {})) as { pending: Pending[] };
      const asked = pending.find(({ deviceId }) => deviceId === device.deviceId);
      if (asked) await boss.request("device.pair.approve", { requestId: asked.requestId });
      await bed.connectRaw(options);
      await sleep(500);
      // On older releases a node that connects does not ask by itself.
      if (!offers("device.pair.remove")) await boss.request("node.pair.request", { nodeId: device.deviceId });
      const nodes = (await boss.request("node.pair.list", {})) as { pending?: Pending[] };
      for (const { requestId } of nodes.pending ?? []) await boss.request("node.pair.approve", { requestId });
      if (offers("device.pair.rename")) {
        await boss.request("device.pair.rename", { deviceId: device.deviceId, label: "scene" });
      }
      if (offers("device.pair.remove")) await boss.request("device.pair.remove", { deviceId: device.deviceId });
    },
  },
  {
    name: "health",
    needs: ["health"],
    async run({ bed }) {
      // The snapshot for an admin goes to the admin alone.
      const asker = await bed.connectRaw({ name: "asker", scopes: ["operator.read"] });
      await asker.request("health", { probe: true });
    },
  },
  {
    name: "plugins reload",
    needs: ["plugins.controlUi.reload"],
    async run({ boss }) {
      await boss.request("plugins.controlUi.reload", {});
    },
  },
  {
    name: "a pause of the gateway",
    needs: ["gateway.suspend.prepare", "gateway.suspend.resume"],
    async run({ boss }) {
      const requestId = randomUUID();
      const { suspensionId } = await boss.request("gateway.suspend.prepare", { requestId, drain: true });
      await boss.request("gateway.suspend.resume", { suspensionId });
    },
  },
  {
    name: "a change of the config",
    // Releases without the event restart for a change of the config.
    needs: ["config.get", "config.patch", "config.changed"],
    async run({ boss }) {
      const { hash } = await boss.request("config.get", {});
      const raw = JSON.stringify({ messages: { ackReaction: "+" } });
      await boss.request("config.patch", { raw, baseHash: hash });
      await sleep(1_500);
    },
  },
];
