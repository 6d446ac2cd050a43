/** Before a page of a gateway with the module is looked at: builds the module. */
import { execFileSync } from "node:child_process";
import { PROGRAM_MS } from "../support/within.ts";

export default function setup(): void {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit", timeout: PROGRAM_MS });
}
