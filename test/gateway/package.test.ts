/** The packed tarball, installed in an empty folder, protects a gateway. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, inject, onTestFinished, test } from "vitest";
import { openBed } from "../support/gateway/bed.ts";
import { answer, connect, converse, freshSession, say, settle, traces } from "./contract.ts";
import { PROGRAM_MS } from "../support/within.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { release } = inject("isolated");

/** OpenClaw, a peer, is there already: installing it takes minutes. */
const INSTALL = ["install", "--ignore-scripts", "--omit=peer", "--prefer-offline", "--no-audit", "--no-fund"];

test(
  "the packed module, installed in an empty folder, isolates a gateway by its package name",
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "event-isolation-pack-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT, timeout: PROGRAM_MS });
    const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await run("npm", [...INSTALL, join(folder, tarball!)], { cwd: folder, timeout: PROGRAM_MS });

    const installed = join(folder, "node_modules", "openclaw-event-isolation");
    const { dependencies: runtime = {} } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
      dependencies?: object;
    };
    // Of the command and the client; test/imports.test.ts keeps them out of the gateway.
    expect(Object.keys(runtime).sort()).toEqual(["@openclaw/gateway-client", "commander", "json5", "semver"]);
    expect(await readdir(installed)).toEqual(expect.arrayContaining(["LICENSE", "README.md", "dist", "package.json"]));

    const bed = await openBed(release, { preload: "openclaw-event-isolation/register", cwd: folder });
    onTestFinished(() => bed.close());
    const session = freshSession();
    const [own, other] = [await connect(bed.gateway), await connect(bed.gateway)];
    expect(await converse(own, session.key, say(session.id, 4))).toBe(answer(session.id, 4));
    await settle();
    expect(traces(other, session)).toEqual([]);
  },
);

test("the package's root export has the policy", async () => {
  const policy = (await import(join(ROOT, "dist", "index.js"))) as typeof import("../../src/index.ts");
  expect(policy.routeEvent("chat", {})).toEqual({ to: "nobody", reason: "no-key" });
  expect(policy.parseSettings({}).scope).toBe("session");
});
