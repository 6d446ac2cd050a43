/** A decision on a run's words does not outlive the beginning of a heartbeat, as the run may turn out to be its run. */
import { expect, test } from "vitest";
import { got, scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { perConnection } from "../support/stand-in/stand-ins.ts";
import { GuardScene, MAIN, RAN } from "../heartbeats/guard-scene.ts";

test.each(["before", "after"])(
  "words of a run that was seen outside its heartbeat, %s that began, are held during a user's run",
  async (when) => {
    const scene = new GuardScene().begin();
    const { broadcaster, connect, accepted } = scopedGateway(perConnection, { guard: scene.guard });
    const owner = connect("owner", ["operator.write"], { client: { id: "owner" } });
    accepted(owner, "chat.history", { sessionKey: MAIN });
    const word = (n: number): void =>
      broadcaster.broadcast("chat", { n, sessionKey: MAIN, runId: "h1", state: "delta" });
    const gate = Promise.withResolvers<unknown>();
    if (when === "before") word(1);
    const answer = scene.heartbeat(async () => {
      await gate.promise;
      word(2);
      word(3);
      return RAN;
    });
    // As the output of a program that the heartbeat has started.
    if (when === "after") word(1);
    scene.begin();
    scene.send("u1");
    gate.resolve(undefined);
    await expect(answer).resolves.toEqual(RAN);
    expect(got(owner)).toEqual([1]);
  },
);

test("words of a heartbeat that come after its end are held as those before", async () => {
  const scene = new GuardScene().begin();
  const { broadcaster, connect, accepted } = scopedGateway(perConnection, { guard: scene.guard });
  const owner = connect("owner", ["operator.write"], { client: { id: "owner" } });
  accepted(owner, "chat.history", { sessionKey: MAIN });
  const word = (n: number): void => broadcaster.broadcast("chat", { n, sessionKey: MAIN, runId: "h1", state: "delta" });
  await scene.heartbeat(() => Promise.resolve(word(1)).then(() => RAN));
  word(2);
  word(3);
  scene.send("u1");
  word(4);
  expect(got(owner)).toEqual([1, 2, 3]);
});
