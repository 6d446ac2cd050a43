/** The packed package as pnpm installs it globally, next to an openclaw, and its next version. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { fromNpm } from "../support/from-npm.ts";
import { PROGRAM_MS } from "../support/within.ts";
import { pack, packOpenclaw, packThis, scratchFolder, withUnit } from "./packed.ts";

const run = promisify(execFile);

test.each([{ pnpm: "10.33.0" }, { pnpm: "12.21.0", "@pnpm/exe.linux-x64": "12.21.0" }])(
  "with pnpm $pnpm doctor finds openclaw, what enable writes outlives an update, and pnpm dlx writes nothing",
  async (packages) => {
    const folder = scratchFolder("pnpm");
    const pnpm = join(await fromNpm(packages), "node_modules/.bin/pnpm");
    const [home, pnpmHome] = [join(folder, "home"), join(folder, "pnpm")];
    mkdirSync(join(pnpmHome, "bin"), { recursive: true });
    const units = withUnit(home);
    const packed = await packThis(folder);

    const path = [pnpmHome, join(pnpmHome, "bin"), dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"];
    const env = { ...process.env, NODE_OPTIONS: "", HOME: home, PNPM_HOME: pnpmHome, PATH: path.join(":") };
    const add = (...tarballs: string[]) =>
      run(pnpm, ["add", "--global", "--config.modules-cache-max-age=0", ...tarballs], {
        cwd: folder,
        env,
        timeout: PROGRAM_MS,
      });
    const command = (...args: string[]) =>
      run("openclaw-event-isolation", args, { cwd: home, env, timeout: PROGRAM_MS });
    const once = run(pnpm, ["dlx", "--package", packed, "openclaw-event-isolation", "enable"], {
      cwd: home,
      env,
      timeout: PROGRAM_MS,
    });
    await expect(once).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("this copy is in the cache of"),
    });
    expect(readdirSync(units)).toEqual(["openclaw-gateway.service"]);
    await add(await packOpenclaw(folder), packed);

    await command("enable");
    expect((await command("doctor", "--no-gateway")).stdout).toMatch(/ok +service +.*starts with the module/);
    expect((await command("run", "--", "--version")).stdout).toBe("a gateway\n");

    // The next version, as pnpm would have it from the registry.
    await run("tar", ["xzf", packed, "-C", folder], { timeout: PROGRAM_MS });
    const next = JSON.parse(readFileSync(join(folder, "package/package.json"), "utf8")) as { version: string };
    writeFileSync(join(folder, "package/package.json"), JSON.stringify({ ...next, version: "99.0.0" }));
    await add(await pack(join(folder, "package"), folder));
    const dropIn = readFileSync(join(units, "openclaw-gateway.service.d/zz-event-isolation.conf"), "utf8");
    const module = fileURLToPath(/--import=(file:[^"\s]+)/.exec(dropIn)![1]!);
    expect(existsSync(module)).toBe(true);
    expect(readFileSync(join(dirname(module), "../package.json"), "utf8")).toContain("99.0.0");
    expect((await command("doctor", "--no-gateway")).stdout).toMatch(/ok +service/);
  },
);
