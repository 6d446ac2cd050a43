/** What the tests of package managers install: this package as it is published, and a small openclaw. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { declaredBy } from "../../src/cli/survey.ts";
import { PROGRAM_MS } from "../support/within.ts";

const run = promisify(execFile);
const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
/** All that the release declares: then doctor has nothing to warn of, and ends with 0. */
const CHUNK = [...declaredBy("2026.9.6")].map((name) => `function ${name}() {}\n`).join("");

/** An empty folder for the length of the test. */
export function scratchFolder(name: string): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `event-isolation-${name}-`)));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Packs a folder. @returns the tarball */
export async function pack(folder: string, into: string): Promise<string> {
  const { stdout } = await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", into], {
    cwd: folder,
    timeout: PROGRAM_MS,
  });
  return join(into, stdout.trim());
}

/** Packs this package, which the setup has built. @returns the tarball */
export function packThis(into: string): Promise<string> {
  return pack(REPOSITORY, into);
}

/** Packs an openclaw whose gateway prints a line and ends. @returns the tarball */
export async function packOpenclaw(into: string): Promise<string> {
  const openclaw = join(into, "openclaw");
  mkdirSync(join(openclaw, "dist"), { recursive: true });
  const manifest = { name: "openclaw", version: "2026.9.6", type: "module", bin: { openclaw: "openclaw.mjs" } };
  writeFileSync(join(openclaw, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(openclaw, "openclaw.mjs"), "#!/usr/bin/env node\nconsole.log('a gateway');\n", { mode: 0o755 });
  writeFileSync(join(openclaw, "dist/chunk.js"), CHUNK);
  return await pack(openclaw, into);
}

/** A home with a user unit of the gateway. @returns the folder of units */
export function withUnit(home: string): string {
  const units = join(home, ".config/systemd/user");
  mkdirSync(units, { recursive: true });
  const unit = "[Service]\nExecStart=/usr/bin/env node openclaw.mjs gateway\n";
  writeFileSync(join(units, "openclaw-gateway.service"), unit);
  return units;
}
