import { expect, test } from "vitest";
import { createClaims } from "../../src/client/claims.ts";
import { final, KEY, open, plays } from "./open-client.ts";

test("the client gives back the least recently used idle session beyond the limit", () => {
  const inUse = new Set(["a"]);
  const given: string[] = [];
  const claims = createClaims(
    3,
    (session) => inUse.has(session),
    (key) => given.push(key),
  );
  for (const session of ["a", "b", "c", "b", "d", "e"]) claims.use(session, `raw-${session}`);
  expect(given).toEqual(["raw-c", "raw-b"]);
  claims.clear();
  claims.use("f", "raw-f");
  expect(given).toHaveLength(2);
});

test("the client gives a session back with its last subscription, but not under a running chat", async () => {
  let end: () => void = () => undefined;
  const { gateway, client } = await open({
    "chat.send": plays((params, peer) => {
      end = () => peer.event("chat", final(params, 1, "x"));
    }),
  });
  const [first, second] = [client.subscribe(KEY), client.subscribe("s")];
  const text = client.chat({ sessionKey: KEY, message: "m", usage: false }).finalText();
  await expect.poll(() => gateway.count("chat.send")).toBe(1);
  await first.close();
  await second.close();
  end();
  expect(await text).toBe("x");
  expect(gateway.count("sessions.messages.unsubscribe")).toBe(0);
  await client.subscribe(KEY).close();
  await expect.poll(() => gateway.count("sessions.messages.unsubscribe")).toBe(1);
});

test("the client refuses plaintext to a public address at once", async () => {
  const { connect } = await import("../../src/client.ts");
  const started = Date.now();
  await expect(connect({ url: "ws://203.0.113.1:18789", token: "t" })).rejects.toMatchObject({ kind: "refused" });
  expect(Date.now() - started).toBeLessThan(1_000);
});
