/** The path of a request: which step sees it when, and what happens to its answers. */
import { expect, test } from "vitest";
import type { GatewayClient, GatewayError, HandleRequest, RequestOptions } from "../../src/gateway/types.ts";
import { type Passage, passSteps, type RequestReader, type Step } from "../../src/delivery/requests.ts";

const client: GatewayClient = { connId: "c", connect: {} };
const READER: RequestReader = {
  keysOf: (intent) => ("keys" in intent ? intent.keys.map((key) => `agent:main:${String(key)}`) : []),
  unreadable: () => ({ code: "UNAVAILABLE", message: "failed on this request" }),
};
const DENIED: GatewayError = { code: "FORBIDDEN", message: "denied" };

/** A step that notes who asks and what it hears of the request. */
function noting(log: string[], name = "step"): Step {
  return ({ client: asker, nested }) => {
    log.push(`${name} ${nested ? "nested" : (asker?.connId ?? "nobody")}`);
    return {
      answering: (answer) => {
        log.push(`${name} answering ${answer.ok}`);
        return answer;
      },
      answered: ({ ok }) => void log.push(`${name} answered ${ok}`),
      answeredAgain: ({ ok }) => void log.push(`${name} answered again ${ok}`),
      ended: (unanswered) => void log.push(`${name} ended${unanswered ? " unanswered" : ""}`),
    };
  };
}

function request(method: string, params?: unknown): RequestOptions {
  return { req: { method, params }, client, respond: () => {} };
}

const reached: HandleRequest = async () => {
  throw new Error("reached the gateway");
};

test("a request passes the steps in their order, and its answers pass them in the opposite one", async () => {
  const log: string[] = [];
  const handle = passSteps(
    async ({ respond }) => respond(true, {}),
    [noting(log, "first"), () => undefined, noting(log, "second")],
    READER,
  );
  await handle({ ...request("chat.send"), respond: (ok) => void log.push(`sent ${ok}`) });
  expect(log).toEqual([
    "first c",
    "second c",
    "second answering true",
    "first answering true",
    "sent true",
    "first answered true",
    "second answered true",
    "first ended",
    "second ended",
  ]);
});

test("each step sees the request parsed, with its keys canonical", async () => {
  const seen: unknown[] = [];
  const step: Step = ({ method, params, intent, keys }) => void seen.push([method, params, intent?.kind, keys]);
  const handle = passSteps(async () => {}, [step], READER);
  await handle(request("chat.history", { sessionKey: "main" }));
  await handle(request("health", null));
  expect(seen).toEqual([
    ["chat.history", { sessionKey: "main" }, "claim", ["agent:main:main"]],
    ["health", {}, undefined, []],
  ]);
});

test("a request that no step has anything to do with reaches the gateway as it came, at once", () => {
  const opts = request("health");
  const { respond } = opts;
  let handled: unknown;
  void passSteps(async (own) => void (handled = [own, own.respond]), [() => undefined], READER)(opts, "more");
  expect(handled).toEqual([opts, respond]);
  expect((handled as unknown[])[0]).toBe(opts);
});

test("a request that is made while another is handled is nested, even under the same client", async () => {
  const log: string[] = [];
  const handle: HandleRequest = passSteps(
    async (opts) => {
      if (opts.req.method === "outer") await handle(request("inner"));
      if (opts.req.method === "outer") await handle({ ...request("internal"), client: null });
      opts.respond(true, {});
    },
    [noting(log)],
    READER,
  );
  await handle(request("outer"));
  await handle(request("outer again"));
  expect(log.filter((line) => /^step (?:c|nested|nobody)$/.test(line))).toEqual([
    "step c",
    "step nested",
    "step nobody",
    "step c",
  ]);
});

test("the first answer is reported to the steps once it has been sent, and later ones are told apart", async () => {
  const log: string[] = [];
  const handle = passSteps(
    async ({ respond }) => {
      respond(true, {});
      respond(false);
    },
    [noting(log)],
    READER,
  );
  await handle({ ...request("agent"), respond: (ok) => void log.push(`sent ${ok}`) });
  expect(log.filter((line) => /sent|answered/.test(line))).toEqual([
    "sent true",
    "step answered true",
    "sent false",
    "step answered again false",
  ]);
});

test("a handler that fails without an answer is reported as such, and the failure goes on to the gateway", async () => {
  const log: string[] = [];
  const failing = (answer: boolean) =>
    passSteps(
      async ({ respond }) => {
        if (answer) respond(true, {});
        throw new Error("upstream's");
      },
      [noting(log)],
      READER,
    )(request("chat.send"));
  await expect(failing(false)).rejects.toThrow("upstream's");
  await expect(failing(true)).rejects.toThrow("upstream's");
  expect(log.filter((line) => line.includes("ended"))).toEqual(["step ended unanswered", "step ended"]);
});

test("a refused request is answered with the error and reaches neither the gateway nor the steps behind", async () => {
  const log: string[] = [];
  const sent: unknown[] = [];
  const behind: Step = () => {
    throw new Error("reached the step behind");
  };
  const handle = passSteps(reached, [noting(log), () => ({ refuse: DENIED }), behind], READER);
  await handle({ ...request("chat.send"), respond: (...answer) => void sent.push(answer) });
  expect(sent).toEqual([[false, undefined, DENIED]]);
  expect(log).toEqual(["step c", "step ended unanswered"]);
});

test("a request that cannot be read is refused before any step", async () => {
  const sent: unknown[] = [];
  const params = {
    get sessionKey(): never {
      throw new Error("a getter");
    },
  };
  const handle = passSteps(reached, [() => ({ refuse: DENIED })], READER);
  await handle({ ...request("chat.send", params), respond: (ok, _, error) => void sent.push([ok, error?.code]) });
  expect(sent).toEqual([[false, "UNAVAILABLE"]]);
});

test("each answer is sent as the steps leave it, and what a release adds to it goes along", async () => {
  const sent: unknown[] = [];
  const step: Step = (): Passage => ({
    answering: (answer) =>
      answer.payload === "secret" ? { ok: false, error: DENIED } : { ...answer, payload: "less" },
  });
  const handle = passSteps(
    async ({ respond }) => {
      respond(true, "all", undefined, "more");
      respond(true, "secret");
    },
    [step],
    READER,
  );
  await handle({ ...request("sessions.list"), respond: (...answer) => void sent.push(answer) });
  expect(sent).toEqual([
    [true, "less", undefined, "more"],
    [false, undefined, DENIED],
  ]);
});

test("the steps hear whether the gateway only repeats an earlier answer", async () => {
  const heard: unknown[] = [];
  const step: Step = () => ({ answered: ({ ok, repeated }) => void heard.push([ok, repeated]) });
  const handle = (...more: unknown[]) =>
    passSteps(async ({ respond }) => respond(true, {}, undefined, ...more), [step], READER);
  await handle()(request("agent"));
  await handle({ cached: true })(request("agent"));
  expect(heard).toEqual([
    [true, undefined],
    [true, true],
  ]);
});

test("an answer that a step takes back makes no claim, as the steps hear of the answer that was sent", async () => {
  const log: string[] = [];
  const takesBack: Step = () => ({ answering: () => ({ ok: false, error: DENIED }) });
  const handle = passSteps(async ({ respond }) => respond(true, {}), [takesBack, noting(log)], READER);
  await handle(request("sessions.preview"));
  expect(log).toContain("step answered false");
});

test("a request waits for what a step waits for, and only then meets the next step", async () => {
  const log: string[] = [];
  const free = Promise.withResolvers<void>();
  const handle = passSteps(
    async () => void log.push("handled"),
    [() => ({ ready: free.promise, ended: () => void log.push("ended") }), noting(log, "next")],
    READER,
  );
  const done = handle(request("chat.send"));
  await Promise.resolve();
  expect(log).toEqual([]);
  free.resolve();
  await done;
  expect(log).toEqual(["next c", "handled", "ended", "next ended"]);
});

test("a step may change the parameters and run the handler its own way, and the client's own object stays", async () => {
  const opts = request("wake", { text: "hi", sessionKey: "agent:ops:x" });
  const log: unknown[] = [];
  const step: Step = ({ params }) => ({
    params: { text: params["text"] },
    around: async (handle) => {
      log.push("around");
      return await handle();
    },
  });
  await passSteps(async ({ req }) => void log.push(req.params), [step], READER)(opts);
  expect(log).toEqual(["around", { text: "hi" }]);
  expect(opts.req.params).toEqual({ text: "hi", sessionKey: "agent:ops:x" });
});
