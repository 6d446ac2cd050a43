/** A scoped client asks for the roster, and somebody else's transcript comes with it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../test/support/wire/clients.ts";
import { openBed } from "../../test/support/gateway/bed.ts";
import { scene } from "../lib/reproducer.ts";

/** Messages of a transcript are sent some time after the final. */
const AFTER_FINAL_MS = 1000;

const transcripts = (client: Client, id: string): number =>
  client.eventsWith(id).filter((frame) => frame.event === "session.message").length;

export const reproducer = scene({
  bases: ["2026.9.6"],
  open: (release) => openBed(release),
  async run(bed) {
    const caps = ["session-scoped-events"];
    const roster = await bed.connect({ name: "roster", caps });
    const subscriber = await bed.connect({ name: "subscriber", caps });
    const unscoped = await bed.connect({ name: "unscoped" });
    const sender = await bed.connect({ name: "sender" });
    const key = "agent:main:private";
    await roster.request("sessions.subscribe", {});
    await unscoped.request("sessions.subscribe", {});
    await subscriber.request("sessions.messages.subscribe", { key });

    const { runId } = await sender.chat(key, "[[say id=SECRET n=4]]");
    await sender.final(runId);
    await sleep(AFTER_FINAL_MS);

    const wrong: string[] = [];
    const leaked = transcripts(roster, "SECRET");
    if (leaked > 0) wrong.push(`a scoped client with sessions.subscribe only got ${leaked} session.message of it`);
    // What has to stay: the roster's rows, the subscriber's transcript, and clients without the cap.
    if (!roster.frames.some((frame) => frame.event === "sessions.changed")) wrong.push("the roster got no row");
    if (transcripts(subscriber, "SECRET") === 0) wrong.push("the subscriber got no session.message");
    if (transcripts(unscoped, "SECRET") === 0) wrong.push("a client without the cap got no session.message");
    return wrong;
  },
});
