/** The command's second attempt with a device identity, against a stand-in gateway. */
import { expect, onTestFinished, test } from "vitest";
import { withConnection } from "../../src/cli/gateway-target.ts";
import { startStandIn } from "../support/wire/stand-in-gateway.ts";

/** A gateway whose first answers are refusals, and what came of asking it for `wake`. */
async function ask(refusals: readonly string[]) {
  let asked = 0;
  const gateway = await startStandIn({
    wake: () => {
      const message = refusals[asked];
      asked += 1;
      if (message !== undefined) throw { code: "INVALID_REQUEST", message };
      return { ok: true };
    },
  });
  onTestFinished(() => gateway.close());
  const target = { url: gateway.url, token: gateway.token, tlsFingerprint: undefined };
  const answer = await withConnection(target, { scopes: ["operator.write"] }, (connection) =>
    connection.request("wake"),
  ).catch((error: unknown) => String(error));
  return { answer, asked };
}

const MISSING = "missing scope: operator.write";

test("the command asks a gateway once that answers", async () => {
  expect(await ask([])).toEqual({ answer: { ok: true }, asked: 1 });
});

test("the command asks again with a device identity if the gateway took a scope that it had asked for", async () => {
  expect(await ask([MISSING])).toEqual({ answer: { ok: true }, asked: 2 });
});

test("the command gives up if the scope is missing with a device identity, too", async () => {
  expect(await ask([MISSING, MISSING])).toEqual({ answer: expect.stringContaining(MISSING) as string, asked: 2 });
});

test.each(["missing scope: operator.admin", "text required"])(
  "the command does not ask again after: %s",
  async (no) => {
    expect(await ask([no])).toEqual({ answer: expect.stringContaining(no) as string, asked: 1 });
  },
);
