/** Two people chat on two sessions; a third connection looks on. */
import { setTimeout as sleep } from "node:timers/promises";
import { openBed } from "../../test/support/gateway/bed.ts";
import { chatText } from "../../test/support/wire/recorder.ts";
import { wordsOf } from "../../test/support/gateway/script.ts";
import { scene } from "../lib/reproducer.ts";
import { patch } from "./patch.ts";

const WORDS = 6;
const AFTER_FINAL_MS = 1000;

export const reproducer = scene({
  bases: ["2026.9.6"],
  async open(release) {
    // A release without the setting refuses it by its name: then the plain one runs without.
    return openBed(release, { config: patch.config }).catch((error: unknown) => {
      if (!/sessionScopedEvents/.test(String(error))) throw error;
      return openBed(release);
    });
  },
  async run(bed) {
    const [alice, bob, reader] = [
      await bed.connect({ name: "alice" }),
      await bed.connect({ name: "bob" }),
      await bed.connect({ name: "reader", scopes: ["operator.read"] }),
    ];
    const bystander = await bed.connect({ name: "bystander", scopes: ["operator.read"] });
    await bystander.request("sessions.subscribe", {});
    await reader.request("chat.history", { sessionKey: "agent:main:alice" });
    const wrong: string[] = [];

    const runs = [
      { user: alice, other: bob, id: "ALICE", key: "agent:main:alice" },
      { user: bob, other: alice, id: "BOB", key: "agent:main:bob" },
    ];
    const chats = await Promise.all(runs.map(({ user, id, key }) => user.chat(key, `[[say id=${id} n=${WORDS}]]`)));
    for (const [i, { user, id }] of runs.entries()) {
      const final = await user.final(chats[i]!.runId);
      if (chatText(final) !== wordsOf(id, WORDS).join("")) wrong.push(`${id}'s own reply is not complete`);
    }
    await sleep(AFTER_FINAL_MS);
    for (const { other, id } of runs) {
      for (const client of [other, bystander]) {
        // The roster's rows are upstream's own; they are asked for by sessions.subscribe.
        const leaked = client.eventsWith(`${id}-`).filter((frame) => frame.event !== "sessions.changed");
        if (leaked.length > 0) {
          wrong.push(
            `${client.name} got ${leaked.length} frames of ${id}'s reply: ${[...new Set(leaked.map((f) => f.event))].join(", ")}`,
          );
        }
      }
    }
    if (reader.eventsWith("ALICE-").length === 0) wrong.push("who asked for the history gets nothing of the session");
    if (reader.eventsWith("BOB-").length > 0) wrong.push("who asked for one history got another session's frames");
    for (const client of [alice, bob, reader, bystander]) {
      if (client.gaps() + client.repeats() > 0) wrong.push(`${client.name}'s sequence numbers have gaps or repeats`);
    }
    return wrong;
  },
});
