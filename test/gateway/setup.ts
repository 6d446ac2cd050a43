/** Builds the package and installs the release under test before any gateway case runs. */
import { execFileSync } from "node:child_process";
import { ensureRelease } from "../support/release.ts";
import { releaseUnderTest } from "./release-under-test.ts";

export default async function setup(): Promise<void> {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
  await ensureRelease(releaseUnderTest());
}
