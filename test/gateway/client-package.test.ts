/** The client from the packed tarball, in a project of plain JavaScript. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PROGRAM_MS } from "../support/within.ts";
import { expect, inject, onTestFinished, test } from "vitest";
import { answer, freshSession, say } from "./contract.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const MAIN = `
import { connect, ClientError } from "openclaw-event-isolation/client";

const [url, tokenFile, sessionKey, message] = process.argv.slice(2);
const client = await connect({ url, tokenFile });
let text = "";
for await (const event of client.chat({ sessionKey, message })) if (event.type === "text-delta") text += event.delta;
await client.close();
try {
  client.chat({ sessionKey, message });
} catch (error) {
  console.log(JSON.stringify([text, error instanceof ClientError, error.kind]));
}
`;

test("the packed client works in a plain ESM project and lets the process end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "event-isolation-client-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT, timeout: PROGRAM_MS });
  const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  const dependencies = { "openclaw-event-isolation": `file:${tarball}` };
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  await writeFile(join(folder, "main.js"), MAIN);
  const { url, token } = inject("isolated");
  await writeFile(join(folder, "token"), token, { mode: 0o600 });
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder, timeout: PROGRAM_MS });
  const { key, id } = freshSession();
  const { stdout } = await run(process.execPath, ["main.js", url, "token", key, say(id, 5)], {
    cwd: folder,
    timeout: PROGRAM_MS,
  });
  expect(JSON.parse(stdout)).toEqual([answer(id, 5), true, "closed"]);
});
