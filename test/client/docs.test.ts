/** docs/client.md holds the whole client. That it is up to date is test/docs/made.test.ts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

test("docs/client.md names every export of the client", () => {
  const docs = readFileSync(join(import.meta.dirname, "../../docs/client.md"), "utf8");
  for (const name of ["connect", "Client", "ChatRun", "ClientError", "ChatEvent", "Subscription"]) {
    expect(docs).toContain(`### ${name}\n`);
  }
});
