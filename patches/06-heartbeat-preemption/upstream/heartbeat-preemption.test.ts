import { afterEach, describe, expect, it } from "vitest";
import {
  drainSystemEvents,
  enqueueSystemEvent,
  peekSystemEvents,
  resetSystemEventsForTest,
} from "../infra/system-events.js";
import { preemptHeartbeat, runPreemptibleHeartbeat } from "./heartbeat-preemption.js";

const SESSION = "agent:main:main";

/** A turn that ends when it is aborted. */
const untilAborted = (abortSignal: AbortSignal) =>
  new Promise<string>((resolve) => {
    abortSignal.addEventListener("abort", () => resolve("aborted"));
  });

describe("heartbeat preemption", () => {
  afterEach(() => resetSystemEventsForTest());

  it("hands on the result of a heartbeat that nobody preempts", async () => {
    const run = await runPreemptibleHeartbeat(SESSION, async () => "ok");
    expect(run).toEqual({ preempted: false, result: "ok" });
    await preemptHeartbeat(SESSION);
  });

  it("aborts the heartbeat of the session, and waits for its end", async () => {
    const run = runPreemptibleHeartbeat(SESSION, untilAborted);
    await preemptHeartbeat(SESSION);
    expect(await run).toEqual({ preempted: true });
  });

  it("leaves the heartbeats of other sessions alone", async () => {
    let aborted = false;
    const run = runPreemptibleHeartbeat(SESSION, async (abortSignal) => {
      await untilAborted(abortSignal);
      aborted = true;
    });
    await preemptHeartbeat("agent:main:other");
    await preemptHeartbeat(undefined);
    expect(aborted).toBe(false);
    await preemptHeartbeat(SESSION);
    await run;
    expect(aborted).toBe(true);
  });

  it("puts back the events that an aborted heartbeat has taken", async () => {
    enqueueSystemEvent("look at this", { sessionKey: SESSION });
    enqueueSystemEvent("and at this", { sessionKey: SESSION });
    const run = runPreemptibleHeartbeat(SESSION, async (abortSignal) => {
      drainSystemEvents(SESSION);
      return untilAborted(abortSignal);
    });
    await preemptHeartbeat(SESSION);
    await run;
    expect(peekSystemEvents(SESSION)).toEqual(["look at this", "and at this"]);
  });

  it("keeps the events of a heartbeat that ended by itself taken", async () => {
    enqueueSystemEvent("look at this", { sessionKey: SESSION });
    await runPreemptibleHeartbeat(SESSION, async () => void drainSystemEvents(SESSION));
    expect(peekSystemEvents(SESSION)).toEqual([]);
  });

  it("passes a heartbeat's own failure on, and takes the failure of an aborted one for its end", async () => {
    const fails = async () => {
      throw new Error("model down");
    };
    await expect(runPreemptibleHeartbeat(SESSION, fails)).rejects.toThrow("model down");
    const run = runPreemptibleHeartbeat(SESSION, async (abortSignal) => {
      await untilAborted(abortSignal);
      throw new Error("aborted");
    });
    await preemptHeartbeat(SESSION);
    expect(await run).toEqual({ preempted: true });
  });

  it("does not make a message wait for ever", async () => {
    const run = runPreemptibleHeartbeat(SESSION, () => new Promise(() => {}));
    void run;
    const started = Date.now();
    await preemptHeartbeat(SESSION, 20);
    expect(Date.now() - started).toBeLessThan(2000);
  });
});
