/** What makes a gateway send events of sessions: messages, tools, jobs, and what is written about a session. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Payload } from "../wire/clients.ts";
import type { Act, Stage } from "./every-event.ts";

const IN_AN_HOUR = (): string => new Date(Date.now() + 3_600_000).toISOString();

export const SESSION_ACTS: readonly Act[] = [
  {
    name: "a reply with a tool",
    needs: ["chat.send"],
    async run(stage) {
      const { boss, vault, plant } = stage;
      await stage.claim(vault);
      const args = plant("tool-args");
      // The command's output is the word backwards: a canary of its own.
      const result = plant("tool-result");
      const backwards = [...result].toReversed().join("");
      const message = `${plant("message")} [[tool id=${plant("reply")} cmd="echo ${args}; echo ${backwards} | rev" n=4]]`;
      await boss.final((await boss.chat(vault, message)).runId);
      await sleep(500);
      await boss.final((await boss.chat(vault, `[[say id=${plant("thought")} n=3 think=2]]`)).runId);
    },
  },
  {
    name: "a question aside",
    needs: ["chat.send", "chat.side_result"],
    async run({ boss, vault, plant }) {
      await boss.chat(vault, `/btw ${plant("aside")}? [[say id=${plant("aside-reply")} n=3]]`);
      await boss.waitFor(({ event }) => event === "chat.side_result", 10_000, "chat.side_result");
    },
  },
  {
    name: "label and note of a session",
    needs: ["sessions.patch"],
    async run({ boss, vault, plant }) {
      await boss.request("sessions.patch", { key: vault, label: plant("label") });
      await boss.request("sessions.patch", { key: vault, statusNote: plant("note") }).catch(() => undefined);
    },
  },
  {
    name: "a goal",
    needs: ["chat.send", "sessions.goal.update"],
    async run({ boss, vault, plant }) {
      await boss.chat(vault, `/goal start ${plant("goal")}`);
      await sleep(1_500);
    },
  },
  {
    name: "a child session",
    needs: ["sessions.create"],
    async run(stage) {
      const { boss, heir, vault, child, plant } = stage;
      await boss.request("sessions.create", {
        key: child,
        parentSessionKey: vault,
        label: plant("child-label", "child"),
      });
      await stage.claim(child, "child");
      await heir.request("chat.history", { sessionKey: child });
      if (stage.offers("sessions.messages.subscribe")) {
        await heir.request("sessions.messages.subscribe", { key: child });
      }
      await boss.final((await boss.chat(child, `[[say id=${plant("child-reply", "child")} n=3]]`)).runId);
    },
  },
  {
    name: "a sub-agent",
    needs: ["chat.send"],
    async run({ boss, vault, plant }) {
      await boss.final((await boss.chat(vault, `[[spawn id=${plant("parent")} child=${plant("sub")} n=3]]`)).runId);
      await sleep(2_500);
    },
  },
  { name: "a cron job of its own session", needs: ["cron.add"], run: (stage) => cronJob(stage, "isolated") },
  // Older releases know no other target than the main session and one of the job's own.
  {
    name: "a cron job of the vault",
    needs: ["cron.add", "task"],
    run: (stage) => cronJob(stage, `session:${stage.vault}`),
  },
  {
    name: "a cron job of the main session",
    needs: ["cron.add"],
    async run({ boss, plant }) {
      const { id } = jobOf(
        await boss.request("cron.add", {
          name: plant("main-job-name"),
          schedule: { kind: "at", at: IN_AN_HOUR() },
          sessionTarget: "main",
          wakeMode: "now",
          payload: { kind: "systemEvent", text: `${plant("main-job-text")} ((say id=${plant("heartbeat")} n=3))` },
        }),
      );
      await boss.request("cron.run", { id, mode: "force" });
      await boss.waitFor(({ event }) => event === "heartbeat", 15_000, "a heartbeat");
      await boss.request("cron.remove", { id });
    },
  },
  {
    name: "a system event",
    needs: ["system-event"],
    async run({ boss, vault, plant }) {
      await boss.request("system-event", { text: plant("system-event") });
      await boss.request("system-event", { text: plant("session-event"), sessionKey: vault }).catch(() => undefined);
    },
  },
  {
    name: "who looks at what",
    needs: ["sessions.viewers.set"],
    async run({ boss, vault }) {
      await boss.request("sessions.viewers.set", { sessionKeys: [vault] });
    },
  },
  {
    name: "a session compacted and another reset",
    needs: ["sessions.compact"],
    async run({ boss, vault, child }) {
      await boss.request("sessions.compact", { key: vault }).catch(() => undefined);
      await boss.request("sessions.reset", { key: child });
    },
  },
  {
    name: "a change of who may see the session",
    needs: ["session.visibility.set"],
    async run({ boss, vault }) {
      await boss.request("session.visibility.set", { sessionKey: vault, visibility: "read-only" });
      await boss.request("session.visibility.set", { sessionKey: vault, visibility: "shared" });
    },
  },
  {
    name: "a progress card",
    needs: ["progressCard.put"],
    async run({ boss, vault, plant }) {
      await boss.request("progressCard.put", { sessionKey: vault, markdown: plant("card") });
    },
  },
  {
    name: "a board",
    needs: ["board.update"],
    async run({ boss, vault, plant }) {
      const ops = [{ kind: "tab_create", tabId: "one", title: plant("tab") }];
      await boss.request("board.update", { sessionKey: vault, ops });
      const content = { kind: "html", html: `<b>${plant("widget")}</b>` };
      await boss.request("board.widget.put", { sessionKey: vault, name: "w", title: plant("widget-title"), content });
    },
  },
];

function jobOf(added: Payload): { id: string } {
  const job = (added["job"] ?? added) as { id: unknown };
  return { id: String(job.id) };
}

/** A job whose agent says a canary, from its making to its end. */
async function cronJob(stage: Stage, sessionTarget: string): Promise<void> {
  const { boss, plant } = stage;
  const message = `${plant("prompt")} [[say id=${plant("cron-reply")} n=3]]`;
  const { id } = jobOf(
    await boss.request("cron.add", {
      name: plant("job-name"),
      schedule: { kind: "at", at: IN_AN_HOUR() },
      sessionTarget,
      wakeMode: "next-heartbeat",
      payload: { kind: "agentTurn", message },
      deleteAfterRun: false,
      delivery: { mode: "none" },
    }),
  );
  await stage.claim(`agent:main:cron:${id}`);
  await boss.request("cron.update", { id, patch: { description: plant("job-text") } });
  await boss.request("cron.run", { id, mode: "force" });
  await boss.waitFor(
    ({ event, payload }) => {
      const { action, jobId } = payload as { action?: unknown; jobId?: unknown };
      return event === "cron" && action === "finished" && jobId === id;
    },
    20_000,
    "the end of the job",
  );
  await boss.request("cron.remove", { id });
}
