/** Only what a connection itself asks for is its claim. */
import { expect, test } from "vitest";
import type { GatewayClient, HandleRequest, RequestOptions } from "../../src/gateway/types.ts";
import { type Admission, type RequestGate, watchRequests } from "../../src/delivery/requests.ts";
import type { ClaimIntent } from "../../src/policy/claim-intent.ts";

const client: GatewayClient = { connId: "c", connect: {} };
const INTENT: ClaimIntent = { kind: "claim", keys: ["a"], explicit: false, answered: false, startsRun: false };

/** A gate that claims for every request and notes who asked and how it ended. */
function gateOf(log: string[]): RequestGate {
  return {
    admit: () => undefined,
    intentOf: () => INTENT,
    begin: (asker) => {
      log.push(`begin ${asker?.connId ?? "nobody"}`);
      return {
        answered: ({ ok }) => void log.push(`answered ${ok}`),
        failed: () => void log.push("failed"),
      };
    },
  };
}

function request(method: string): RequestOptions {
  return { req: { method }, client, respond: () => {} };
}

test("a request that is made while another is handled is nobody's, even under the same client", async () => {
  const log: string[] = [];
  const handle: HandleRequest = watchRequests(async (opts) => {
    if (opts.req.method === "outer") await handle(request("inner"));
    opts.respond(true, {});
  }, gateOf(log));
  await handle(request("outer"));
  await handle(request("outer again"));
  expect(log.filter((line) => line.startsWith("begin"))).toEqual(["begin c", "begin nobody", "begin c"]);
});

test("the first answer decides, and the gateway's own answer goes out before", async () => {
  const log: string[] = [];
  const handle = watchRequests(async ({ respond }) => {
    respond(true, {});
    respond(false);
  }, gateOf(log));
  await handle({ ...request("agent"), respond: (ok) => void log.push(`sent ${ok}`) });
  expect(log).toEqual(["begin c", "sent true", "answered true", "sent false"]);
});

test("a handler that fails without an answer withdraws the claim, and the failure goes on to the gateway", async () => {
  const log: string[] = [];
  const handle = watchRequests(async () => {
    throw new Error("upstream's");
  }, gateOf(log));
  await expect(handle(request("chat.send"))).rejects.toThrow("upstream's");
  expect(log).toEqual(["begin c", "failed"]);
});

test("a refused request is answered with the error and never reaches the gateway", async () => {
  const sent: unknown[] = [];
  const error = { code: "INVALID_REQUEST", message: "too many" };
  const handle = watchRequests(
    async () => {
      throw new Error("reached");
    },
    { admit: () => undefined, intentOf: () => INTENT, begin: () => ({ refuse: error }) },
  );
  await handle({ ...request("chat.send"), respond: (...answer) => void sent.push(answer) });
  expect(sent).toEqual([[false, undefined, error]]);
});

/** A gate that only says who is admitted. */
function admitting(admit: (method: string) => Admission): RequestGate {
  return { admit: (_, method) => admit(method), intentOf: () => undefined, begin: () => undefined };
}

test("a request that is not admitted begins no claim and never reaches the gateway", async () => {
  const sent: unknown[] = [];
  const error = { code: "FORBIDDEN", message: "denied" };
  const handle = watchRequests(
    async () => {
      throw new Error("reached");
    },
    {
      admit: () => ({ refuse: error }),
      intentOf: () => INTENT,
      begin: () => {
        throw new Error("begun");
      },
    },
  );
  await handle({ ...request("chat.send"), respond: (...answer) => void sent.push(answer) });
  expect(sent).toEqual([[false, undefined, error]]);
});

test("each answer is sent as the rules leave it; errors are sent as they are", async () => {
  const sent: unknown[] = [];
  const error = { code: "FORBIDDEN", message: "denied" };
  const gate = admitting(() => ({
    answered: (payload) => (payload === "secret" ? { refuse: error } : { payload: "less" }),
  }));
  const handle = watchRequests(async ({ respond }) => {
    respond(true, "all", undefined, "more");
    respond(true, "secret");
    respond(false, undefined, { code: "UNAVAILABLE", message: "later" });
  }, gate);
  await handle({ ...request("sessions.list"), respond: (...answer) => void sent.push(answer) });
  expect(sent).toEqual([
    [true, "less", undefined, "more"],
    [false, undefined, error],
    [false, undefined, { code: "UNAVAILABLE", message: "later" }],
  ]);
});

test("what a plugin or a tool asks in a connection's name is not its request, and neither is nobody's", async () => {
  const asked: string[] = [];
  const gate = admitting((method) => void asked.push(method) as undefined);
  const handle: HandleRequest = watchRequests(async (opts) => {
    if (opts.req.method === "outer") await handle(request("inner"));
    opts.respond(true, {});
  }, gate);
  await handle(request("outer"));
  await handle({ ...request("command line"), client: null });
  expect(asked).toEqual(["outer"]);
});

test("an answer that the rules take back makes no claim", async () => {
  const log: string[] = [];
  const error = { code: "FORBIDDEN", message: "denied" };
  const gate: RequestGate = { ...gateOf(log), admit: () => ({ answered: () => ({ refuse: error }) }) };
  const handle = watchRequests(async ({ respond }) => respond(true, { key: "a" }), gate);
  await handle({ ...request("sessions.preview"), respond: (ok) => void log.push(`sent ${ok}`) });
  expect(log).toEqual(["begin c", "sent false", "answered false"]);
});
