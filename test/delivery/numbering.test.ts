import { describe, expect, test, vi } from "vitest";
import type { CreateBroadcaster } from "../../src/gateway/types.ts";
import { passesScopes, probeNumbering } from "../../src/delivery/numbering.ts";
import { type FakeClient, fakeClient, global, perConnection } from "../support/stand-in/stand-ins.ts";

/** Sends to each client the number that `next` gives. */
function numbering(next: (calls: number) => unknown): CreateBroadcaster {
  let calls = 0;
  return ({ clients }) => ({
    broadcast: (event) => {
      calls += 1;
      for (const client of clients) (client as FakeClient).socket.send(JSON.stringify({ event, seq: next(calls) }));
    },
  });
}

describe("the probe of a release's numbering", () => {
  test("the probe recognises one count for all clients", () => {
    expect(probeNumbering(global)).toBe("global");
  });

  test("the probe recognises a count for each client", () => {
    expect(probeNumbering(perConnection)).toBe("per-connection");
  });

  test("the probe answers the same each time, as it makes a broadcaster of its own", () => {
    const create = vi.fn(perConnection);
    expect([probeNumbering(create), probeNumbering(create)]).toEqual(["per-connection", "per-connection"]);
    expect(create).toHaveBeenCalledTimes(2);
  });
});

describe("a broadcaster that the probe refuses", () => {
  test.each<[string, CreateBroadcaster, string]>([
    ["sends nothing", () => ({ broadcast: () => {} }), "undefined and undefined"],
    ["sends no numbers", numbering(() => undefined), "undefined and undefined"],
    ["starts at zero", numbering((calls) => calls - 1), "0 and 1"],
    ["counts by two", numbering((calls) => calls * 2 - 1), "1 and 3"],
    ["counts backwards", numbering((calls) => 2 - calls), "1 and 0"],
    ["numbers with strings", numbering(String), "1 and 2"],
  ])("the probe throws on a broadcaster that %s", (_, create, numbers) => {
    expect(() => probeNumbering(create)).toThrow(`createGatewayBroadcaster numbered two frames ${numbers}`);
  });

  test.each<[string, CreateBroadcaster, string]>([
    [
      "cannot be made",
      () => {
        throw new Error("needs more");
      },
      "needs more",
    ],
    ["has no broadcast", () => ({}) as ReturnType<CreateBroadcaster>, "broadcast is not a function"],
    [
      "sends no JSON",
      ({ clients }) => ({
        broadcast: () => {
          for (const client of clients) (client as FakeClient).socket.send("no JSON");
        },
      }),
      "is not valid JSON",
    ],
  ])("the probe throws on a broadcaster that %s", (_, create, message) => {
    expect(() => probeNumbering(create)).toThrow(message);
  });
});

describe("whether upstream lets a connection have an event", () => {
  test.each([global, perConnection])(
    "a broadcaster made for the question says whether upstream lets a connection have an event (%o)",
    (create) => {
      const approver = fakeClient("a", { role: "operator", scopes: ["operator.approvals"] });
      const other = fakeClient("b", { role: "operator", scopes: ["operator.read"] });
      expect(passesScopes(create, approver, "exec.approval.requested")).toBe(true);
      expect(passesScopes(create, other, "exec.approval.requested")).toBe(false);
      expect(passesScopes(create, other, "tick")).toBe(true);
      expect([...approver.frames, ...other.frames]).toEqual([]);
    },
  );

  test("the real event decides where a made-up one cannot be sent", () => {
    const create: CreateBroadcaster = () => ({
      broadcast: () => {
        throw new Error("payload.ts is missing");
      },
    });
    expect(passesScopes(create, fakeClient("a"), "tick")).toBe(true);
  });
});
