/** The fuzzer finds a module with a defect, and finds it again by the seed that it printed. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, onTestFinished, test } from "vitest";
import { episode } from "../../scripts/fuzz/episode.ts";
import type { Defect } from "../support/fault/broken-policy.ts";
import { openBed } from "../support/gateway/bed.ts";
import { endOf } from "../support/within.ts";

const DEFECTIVE = fileURLToPath(new URL("../support/fault/broken-policy.ts", import.meta.url));
const SCRIPT = fileURLToPath(new URL("../../scripts/fuzz.ts", import.meta.url));
const { release } = inject("isolated");

async function defectFile(defect: Defect | "none"): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "event-isolation-defect-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "defect");
  await writeFile(file, defect);
  return file;
}

test("the fuzzer finds a known defect by its seed each time, and nothing once the defect is mended", async () => {
  const file = await defectFile("agent events go to all");
  const bed = await openBed(release, { preload: DEFECTIVE, env: { OPENCLAW_TEST_DEFECT: file } });
  onTestFinished(() => bed.close());
  for (const turn of [1, 2]) {
    const { findings } = await episode(bed.gateway, 4711);
    expect(findings, `turn ${turn}`).not.toHaveLength(0);
  }
  await writeFile(file, "none");
  expect(await episode(bed.gateway, 4711)).toMatchObject({ findings: [], lost: [] });
});

test("the fuzz command prints the seed and exits with code 1", async () => {
  const file = await defectFile("agent events go to all");
  const args = ["--release", release.version, "--seed", "4711", "--episodes", "1", "--preload", DEFECTIVE];
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), SCRIPT, ...args], {
    cwd: dirname(file), // keep its artifacts out of this folder
    env: { ...process.env, OPENCLAW_TEST_DEFECT: file },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const { code } = await endOf(child, 180_000);
  expect({ code, output }).toEqual({
    code: 1,
    output: expect.stringContaining(`replay: npm run fuzz -- ${args.slice(0, 6).join(" ")} --preload`) as string,
  });
});
