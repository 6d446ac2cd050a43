/** The packed package as Yarn 1 installs it globally, and as npx runs it. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { fromNpm } from "../support/from-npm.ts";
import { PROGRAM_MS } from "../support/within.ts";
import { packOpenclaw, packThis, scratchFolder, withUnit } from "./packed.ts";

const run = promisify(execFile);
const PATH = [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":");

/** This machine's settings of npm, which a program in an empty home would not see. */
async function registry(): Promise<Record<string, string>> {
  const of = async (name: string): Promise<string> => (await run("npm", ["config", "get", name])).stdout.trim();
  const certificates = process.env["NODE_EXTRA_CA_CERTS"] ?? (await of("cafile"));
  return {
    npm_config_registry: await of("registry"),
    YARN_REGISTRY: await of("registry"),
    ...(certificates === "null" ? {} : { NODE_EXTRA_CA_CERTS: certificates }),
  };
}

test("with Yarn 1 doctor finds openclaw, and enable writes a path that leads to the module", async () => {
  const folder = scratchFolder("yarn");
  const yarn = join(await fromNpm({ yarn: "1.22.22" }), "node_modules/yarn/bin/yarn.js");
  const home = join(folder, "home");
  const units = withUnit(home);
  const env = { ...(await registry()), HOME: home, PATH: `${folder}/bin:${PATH}` };
  const folders = [
    "--prefix",
    folder,
    "--global-folder",
    join(folder, "global"),
    "--cache-folder",
    join(folder, "cache"),
  ];
  const tarballs = [await packOpenclaw(folder), await packThis(folder)].map((each) => `file:${each}`);
  await run(process.execPath, [yarn, "global", "add", "--ignore-engines", ...folders, ...tarballs], {
    cwd: folder,
    env,
    timeout: PROGRAM_MS,
  });
  const command = async (...args: string[]): Promise<string> =>
    (await run("openclaw-event-isolation", args, { cwd: home, env, timeout: PROGRAM_MS })).stdout;

  expect(await command("enable", "--dry-run")).toContain(join(folder, "global/node_modules/openclaw-event-isolation"));
  await command("enable");
  expect(await command("doctor", "--no-gateway")).toMatch(/ok +service +.*starts with the module/);
  expect(await command("run", "--", "--version")).toBe("a gateway\n");
  const dropIn = readFileSync(join(units, "openclaw-gateway.service.d/zz-event-isolation.conf"), "utf8");
  const options = /Environment="NODE_OPTIONS=(.*)"/.exec(dropIn)![1]!;
  const { stdout } = await run(process.execPath, ["-p", "1"], { env: { NODE_OPTIONS: options }, timeout: PROGRAM_MS });
  expect(stdout).toBe("1\n");
});

test("npx runs doctor, and enable refuses to write a path in npx's cache", async () => {
  const folder = scratchFolder("npx");
  const home = join(folder, "home");
  withUnit(home);
  const packed = await packThis(folder);
  const openclaw = await packOpenclaw(folder);
  const env = { ...(await registry()), HOME: home, PATH, npm_config_cache: join(folder, "cache") };
  const npx = (...args: string[]) =>
    run("npx", ["--yes", "--package", packed, "--package", openclaw, "--", "openclaw-event-isolation", ...args], {
      cwd: home,
      env,
      timeout: PROGRAM_MS,
    });
  const { stdout } = await npx("doctor", "--no-gateway", "--json").catch((error: { stdout: string }) => error);
  expect(JSON.parse(stdout)).toMatchObject({ openclaw: { release: "2026.9.6" }, exitCode: 1 });
  await expect(npx("enable")).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /this copy is in the cache of npx, .* emptied from time to time: run npm install --global/,
    ),
  });
});
