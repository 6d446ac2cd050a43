/** docs/client.md says what the docstrings say. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { render } from "../../scripts/client-docs.ts";

test("the API part of docs/client.md is up to date (npm run docs)", () => {
  const current = readFileSync(join(import.meta.dirname, "../../docs/client.md"), "utf8");
  expect(render(current)).toBe(current);
});

test("every export of the client is in it", () => {
  const docs = readFileSync(join(import.meta.dirname, "../../docs/client.md"), "utf8");
  for (const name of ["connect", "Client", "ChatRun", "ClientError", "ChatEvent", "Subscription"]) {
    expect(docs).toContain(`### ${name}\n`);
  }
});
