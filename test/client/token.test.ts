/** The token shows up nowhere. */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { connect } from "../../src/client.ts";
import { KEY, open, plays, read } from "./open-client.ts";

describe("the token", () => {
  test("the token appears in no error, no event and no object that the client hands out", async () => {
    const { gateway, client } = await open({
      "chat.send": (params) => {
        throw { code: "INVALID_REQUEST", message: `bad token ${gateway.token} in ${String(params["message"])}` };
      },
    });
    const run = client.chat({ sessionKey: KEY, message: "m" });
    const events = await read(run);
    const failure: unknown = await run.finalText().catch((error: unknown) => error);
    const refusal: unknown = await connect({ url: gateway.url, token: "wrong-t0ken" }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ kind: "auth" });
    const inUrl: unknown = await connect({ url: `${gateway.url}?token=${gateway.token}`, token: "x" }).catch(
      (e: unknown) => e,
    );
    expect(inUrl).toMatchObject({ kind: "invalid-argument" });
    const shown = [client, run, events, failure, refusal, inUrl].map(
      (value) =>
        `${inspect(value, { depth: 20, showHidden: true })} ${JSON.stringify(value)} ${(value as Error).stack ?? ""}`,
    );
    for (const text of shown) {
      expect(text).not.toContain(gateway.token);
      expect(text).not.toContain("wrong-t0ken");
    }
    expect(process.argv.join(" ")).not.toContain(gateway.token);
  });

  test("chats, open and new, end with an auth error once the token is revoked", async () => {
    const { gateway, client } = await open({ "chat.send": plays((_, peer) => peer.cut()) });
    gateway.accepts = "another";
    const events = await read(client.chat({ sessionKey: KEY, message: "m" }));
    expect(events.at(-1)).toMatchObject({ type: "error", kind: "auth" });
    expect(client.state).toBe("closed");
    expect(() => client.chat({ sessionKey: KEY, message: "m" })).toThrow(expect.objectContaining({ kind: "auth" }));
  });
});
