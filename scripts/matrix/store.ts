/** docs/matrix.json: the measurements of every release. Those without the module do not change and stay. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compare } from "semver";
import type { Matrix, ReleaseMeasured } from "../../src/report/promises.ts";

const DATA = fileURLToPath(new URL("../../docs/matrix.json", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));

/** What has been measured so far. */
export function readMatrix(): Matrix {
  return JSON.parse(readFileSync(DATA, "utf8")) as Matrix;
}

/** Keeps what was measured of a release. Another process may have measured others meanwhile. */
export function keep(release: string, measured: ReleaseMeasured): void {
  const releases = { ...readMatrix().releases, [release]: measured };
  const sorted = Object.entries(releases).toSorted(([a], [b]) => compare(b, a));
  // Renamed: whoever interrupts it finds the file before or after.
  writeFileSync(`${DATA}.part`, `${JSON.stringify({ releases: Object.fromEntries(sorted) }, undefined, 2)}\n`);
  renameSync(`${DATA}.part`, DATA);
}

/** Names the module's code that loads in a gateway: the same for the same code, whatever its comments and messages say. */
export function codeOfModule(): string {
  const plain = mkdtempSync(join(tmpdir(), "event-isolation-code-"));
  try {
    const options = ["--removeComments", "--declaration", "false", "--outDir", plain];
    execFileSync("tsc", ["-p", "tsconfig.build.json", ...options], { cwd: PACKAGE, stdio: "inherit" });
    const files = globSync("**/*.js", {
      cwd: plain,
      exclude: (name) => /^(?:cli|client|plugin|report|messages)(?:\.js)?$/.test(name),
    });
    const hash = createHash("sha256");
    for (const file of files.toSorted()) hash.update(`${file}\0`).update(readFileSync(join(plain, file)));
    return hash.digest("hex").slice(0, 8);
  } finally {
    rmSync(plain, { recursive: true, force: true });
  }
}
