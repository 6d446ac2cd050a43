/** The judge of what the user interfaces get finds what it is there for. */
import { describe, expect, test } from "vitest";
import { foreignFrames } from "../support/scene/asked-for.ts";
import { wireLog } from "../support/wire/wire-log.ts";

const KEY = "agent:main:a";
const FRAME = { type: "event", event: "chat", payload: { sessionKey: KEY, state: "delta" } };
const ROW = { type: "event", event: "sessions.changed", payload: { sessions: [{ key: KEY }] } };

/** A connection's requests, answers and events, as what the judge makes of them. */
function judged(...steps: readonly object[]): string[] {
  const log = wireLog();
  let add = log.connection();
  for (const step of steps) {
    if ("reconnects" in step) add = log.connection();
    else add("method" in step ? "client" : "gateway", JSON.stringify(step));
  }
  return foreignFrames(log.entries).map(({ event }) => event);
}

const ask = (method: string, params: object) => ({ type: "req", id: method, method, params });
const accepted = (method: string) => ({ type: "res", id: method, ok: true });
const connects = (device: string, id: string) => ask("connect", { device: { id: device }, client: { id } });
const denied = (method: string) => ({ type: "res", id: method, ok: false });

describe("foreign frames", () => {
  test.each<[string, readonly object[], readonly string[]]>([
    ["is foreign to a page that asked for nothing", [FRAME], ["chat"]],
    [
      "is not foreign after the session was opened",
      [ask("chat.history", { sessionKey: KEY }), accepted("chat.history"), FRAME],
      [],
    ],
    ["is foreign before the answer", [ask("chat.history", { sessionKey: KEY }), FRAME], ["chat"]],
    ["is foreign after a denial", [ask("chat.history", { sessionKey: KEY }), denied("chat.history"), FRAME], ["chat"]],
    [
      "is foreign after another session was opened",
      [ask("chat.send", { sessionKey: "b" }), accepted("chat.send"), FRAME],
      ["chat"],
    ],
    [
      "is foreign after a request that only mentions it",
      [ask("sessions.patch", { key: KEY }), accepted("sessions.patch"), FRAME],
      ["chat"],
    ],
    [
      "is foreign after it was left",
      [
        ask("sessions.messages.subscribe", { key: "A" }),
        accepted("sessions.messages.subscribe"),
        ask("sessions.messages.subscribe", { key: KEY }),
        accepted("sessions.messages.subscribe"),
        FRAME,
        ask("sessions.messages.unsubscribe", { key: KEY }),
        accepted("sessions.messages.unsubscribe"),
        FRAME,
      ],
      ["chat"],
    ],
    [
      "is foreign on a new connection",
      [ask("chat.history", { sessionKey: KEY }), accepted("chat.history"), { reconnects: true }, FRAME],
      ["chat"],
    ],
    [
      "is not foreign on a new connection of the same device and program",
      [
        connects("d", "ui"),
        accepted("connect"),
        ask("chat.history", { sessionKey: KEY }),
        accepted("chat.history"),
        { reconnects: true },
        connects("d", "ui"),
        accepted("connect"),
        FRAME,
      ],
      [],
    ],
    [
      "is foreign on a connection of another program of the device",
      [
        connects("d", "ui"),
        accepted("connect"),
        ask("chat.history", { sessionKey: KEY }),
        accepted("chat.history"),
        { reconnects: true },
        connects("d", "tui"),
        accepted("connect"),
        FRAME,
      ],
      ["chat"],
    ],
    [
      "is not foreign after it was left, if the page started its run",
      [
        ask("chat.send", { sessionKey: KEY }),
        { ...accepted("chat.send"), payload: { runId: "r" } },
        ask("sessions.messages.unsubscribe", { key: KEY }),
        accepted("sessions.messages.unsubscribe"),
        { ...FRAME, payload: { ...FRAME.payload, runId: "r" } },
        { ...FRAME, payload: { ...FRAME.payload, runId: "other" } },
      ],
      ["chat"],
    ],
    ["in the list is foreign to a page that has not asked for the list", [ROW], ["sessions.changed"]],
    [
      "in the list is not foreign to a page that has asked for it",
      [ask("sessions.subscribe", {}), accepted("sessions.subscribe"), ROW],
      [],
    ],
  ])("an event of a session %s", (_, steps, foreign) => expect(judged(...steps)).toEqual(foreign));
});
