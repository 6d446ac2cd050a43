/** A heartbeat's alert, and who gets to read it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, field } from "../../test/support/wire/clients.ts";
import { HEARTBEATS_ON, MAIN_SESSION } from "../../test/support/scene/heartbeat-scene.ts";
import { openBed } from "../../test/support/gateway/bed.ts";
import { scene } from "../lib/reproducer.ts";

const events = (client: Client) => client.frames.filter((frame) => frame.event === "heartbeat");
const alerts = (client: Client) => client.eventsWith("ALERT").filter((frame) => frame.event === "heartbeat");

export const reproducer = scene({
  bases: ["2026.9.6"],
  open: (release) => openBed(release, { config: HEARTBEATS_ON }),
  async run(bed) {
    bed.model.otherwise = () => ({ kind: "say", id: "HEARTBEAT", chunks: ["ALERT the disk is full"], delayMs: 0 });
    const user = await bed.connect({ name: "user" });
    const bystander = await bed.connect({ name: "bystander", scopes: ["operator.read"] });
    const approver = await bed.connect({ name: "approver", scopes: ["operator.approvals"] });
    await user.request("sessions.messages.subscribe", { key: MAIN_SESSION });
    const { runId } = await user.chat(MAIN_SESSION, "[[say id=HELLO n=2]]");
    await user.final(runId);
    await user.request("wake", { mode: "now", text: "look around" });
    await user.waitFor(
      (frame) => frame.event === "heartbeat" && field(frame, "preview") !== undefined,
      60_000,
      "a heartbeat's preview",
    );
    await sleep(500);

    const wrong: string[] = [];
    if (alerts(bystander).length > 0) wrong.push("a connection that has not subscribed to the session read the alert");
    if (events(approver).length > 0) wrong.push("a connection without operator.read got the heartbeat event");
    // These must stay: the status for everybody who may read, the alert for the session's subscriber.
    const status = (client: Client) => events(client).map((frame) => [field(frame, "status"), field(frame, "ts")]);
    if (JSON.stringify(status(bystander)) !== JSON.stringify(status(user))) wrong.push("the bystander lost the status");
    if (alerts(user).length === 0) wrong.push("the session's subscriber lost the alert");
    return wrong;
  },
});
