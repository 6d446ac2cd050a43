/** The packed package as pnpm installs it globally, next to an openclaw, and its next version. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { declaredBy } from "../../src/cli/survey.ts";
import { fromNpm } from "../support/from-npm.ts";
import { PROGRAM_MS } from "../support/within.ts";

const run = promisify(execFile);
const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
/** All that the release declares: then doctor has nothing to warn of, and ends with 0. */
const CHUNK = [...declaredBy("2026.9.6")].map((name) => `function ${name}() {}\n`).join("");

/** Packs a folder. @returns the tarball */
async function pack(folder: string, into: string): Promise<string> {
  const { stdout } = await run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", into], {
    cwd: folder,
    timeout: PROGRAM_MS,
  });
  return join(into, stdout.trim());
}

test.each([{ pnpm: "10.33.0" }, { pnpm: "12.21.0", "@pnpm/exe.linux-x64": "12.21.0" }])(
  "with pnpm $pnpm doctor finds openclaw, and what enable writes outlives an update",
  async (packages) => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "event-isolation-pnpm-")));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const pnpm = join(await fromNpm(packages), "node_modules/.bin/pnpm");
    const [home, pnpmHome] = [join(folder, "home"), join(folder, "pnpm")];
    const units = join(home, ".config/systemd/user");
    const openclaw = join(folder, "openclaw");
    for (const each of [units, join(pnpmHome, "bin"), join(openclaw, "dist")]) mkdirSync(each, { recursive: true });
    const manifest = { name: "openclaw", version: "2026.9.6", type: "module", bin: { openclaw: "openclaw.mjs" } };
    writeFileSync(join(openclaw, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(openclaw, "openclaw.mjs"), "#!/usr/bin/env node\nconsole.log('a gateway');\n", { mode: 0o755 });
    writeFileSync(join(openclaw, "dist/chunk.js"), CHUNK);
    execFileSync("npm", ["run", "--silent", "build"], { cwd: REPOSITORY, timeout: PROGRAM_MS });
    const packed = await pack(REPOSITORY, folder);

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
    await add(await pack(openclaw, folder), packed);

    const unit = "[Service]\nExecStart=/usr/bin/env node openclaw.mjs gateway\n";
    writeFileSync(join(units, "openclaw-gateway.service"), unit);
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
