/** A parent session, a session below it, and clients that have subscribed to the latter only. */
import { setTimeout as sleep } from "node:timers/promises";
import { openBed } from "../../test/support/gateway/bed.ts";
import { type Client, field } from "../../test/support/wire/clients.ts";
import { scene } from "../lib/reproducer.ts";

const PARENT = "agent:main:parent";
const CHILD = "agent:main:child";
/** Messages of a transcript are sent some time after the final. */
const AFTER_FINAL_MS = 1000;

const ancestors = (client: Client) =>
  client.frames.flatMap((frame) => (field(frame, "ancestorSessions") ?? []) as { key?: unknown }[]);

export const reproducer = scene({
  bases: ["2026.9.6"],
  open: (release) => openBed(release),
  async run(bed) {
    const caps = ["session-scoped-events"];
    const writer = await bed.connect({ name: "writer" });
    const plain = await bed.connect({ name: "a subscriber of the child" });
    const scoped = await bed.connect({ name: "a scoped subscriber of the child", caps });
    const both = await bed.connect({ name: "a scoped subscriber of both", caps });
    const roster = await bed.connect({ name: "a roster client" });
    const talk = async (key: string, id: string): Promise<void> => {
      await writer.final((await writer.chat(key, `[[say id=${id} n=3]]`)).runId);
      await sleep(AFTER_FINAL_MS);
    };

    await talk(PARENT, "BEFORE");
    await writer.request("sessions.create", { key: CHILD, parentSessionKey: PARENT });
    for (const client of [plain, scoped, both]) await client.request("sessions.messages.subscribe", { key: CHILD });
    await both.request("sessions.messages.subscribe", { key: PARENT });
    await roster.request("sessions.subscribe", {});
    await talk(CHILD, "FIRST");
    await talk(PARENT, "AFTER");
    await talk(CHILD, "SECOND");

    const wrong: string[] = [];
    for (const client of [plain, scoped]) {
      // Without the cap these go to everybody by default, and are not what this is about.
      const others = client === plain ? ["agent", "chat"] : [];
      const words = ["BEFORE", "AFTER"].filter((word) =>
        client.eventsWith(word).some(({ event }) => !others.includes(event)),
      );
      if (words.length > 0) wrong.push(`${client.name} reads its parent: ${words.join(", ")}`);
      if (ancestors(client).length > 0) wrong.push(`${client.name} got ${ancestors(client).length} rows of its parent`);
      if (!client.eventsWith("SECOND").some(({ event }) => event === "session.message")) {
        wrong.push(`${client.name} lost the child's messages`);
      }
    }
    // What has to stay: rows for who asked for them.
    for (const client of [both, roster]) {
      if (!ancestors(client).some(({ key }) => key === PARENT)) wrong.push(`${client.name} lost the parent's rows`);
    }
    return wrong;
  },
});
