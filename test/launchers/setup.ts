/** Before any launcher is tried: builds this package once, since two files that build at a time disturb each other. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PROGRAM_MS } from "../support/within.ts";

export default function setup(): void {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  execFileSync("npm", ["run", "--silent", "build"], { cwd, stdio: "inherit", timeout: PROGRAM_MS });
}
