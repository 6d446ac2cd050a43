/** docs/matrix.json: the measurements of every release. Those without the module do not change and stay. */
import { createHash } from "node:crypto";
import { globSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compare } from "semver";
import type { Matrix, ReleaseMeasured } from "../../src/report/promises.ts";

const DATA = fileURLToPath(new URL("../../docs/matrix.json", import.meta.url));
const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));

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

/** Names the module's code that loads in a gateway: the same for the same code. */
export function codeOfModule(): string {
  const files = globSync("**/*.js", {
    cwd: DIST,
    exclude: (name) => /^(?:cli|client|plugin|report)(?:\.js)?$/.test(name),
  });
  const hash = createHash("sha256");
  for (const file of files.toSorted()) hash.update(`${file}\0`).update(readFileSync(join(DIST, file)));
  return hash.digest("hex").slice(0, 8);
}
