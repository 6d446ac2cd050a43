/**
 * The steps for launchd on the plist that OpenClaw itself writes: its own `gateway install`, in a process that takes
 * this system for macOS. launchctl and PlistBuddy are stand-ins; the latter reads and writes with the package `plist`.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { fromNpm } from "../support/from-npm.ts";
import { ensureRelease, type Release } from "../support/gateway/release.ts";
import { PROGRAM_MS } from "../support/within.ts";
import { scratchFolder } from "./packed.ts";

const run = promisify(execFile);
const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const MODULE = `--import=${new URL("../../dist/register.js", import.meta.url).href}`;

/** As far as the steps need it: `-c "Add|Set|Delete :A:B …" file`. */
const PLIST_BUDDY = `
const [, command, file] = process.argv.slice(2);
const [, verb, path, value] = /^(Add|Set|Delete) :(\\S+)(?: (.*))?$/.exec(command);
const keys = path.split(":");
const content = plist.parse(readFileSync(file, "utf8"));
const last = keys.pop();
const parent = keys.reduce((each, key) => (each[key] ??= {}), content);
if (Object.hasOwn(parent, last) === (verb === "Add")) throw new Error(command);
if (verb === "Delete") delete parent[last];
else parent[last] = verb === "Add" ? value.replace(/^string /, "") : value;
writeFileSync(file, plist.build(content));
`;

type Plist = { readonly EnvironmentVariables?: Readonly<Record<string, string>>; readonly [key: string]: unknown };

let parser: string;

beforeAll(async () => {
  parser = pathToFileURL(join(await fromNpm({ plist: "5.0.0" }), "node_modules/plist/dist/index.js")).href;
});

/** A Mac, as far as a command can tell, with OpenClaw's service in it. */
class Mac {
  readonly home = scratchFolder("launchd");
  readonly plist = join(this.home, "Library/LaunchAgents/ai.openclaw.gateway.plist");
  readonly #bin = join(this.home, "bin");
  readonly #release: Release;
  readonly #env: Readonly<Record<string, string>>;

  constructor(release: Release) {
    this.#release = release;
    this.#env = { PATH: `${this.#bin}:${dirname(process.execPath)}:/usr/bin:/bin`, HOME: this.home, NO_COLOR: "1" };
    mkdirSync(this.#bin);
    const darwin = join(this.home, "darwin.mjs");
    writeFileSync(darwin, 'Object.defineProperty(process, "platform", { value: "darwin" });\n');
    const buddy = join(this.home, "buddy.mjs");
    const imports = `import { readFileSync, writeFileSync } from "node:fs";\nimport * as plist from ${JSON.stringify(parser)};\n`;
    writeFileSync(buddy, `${imports}${PLIST_BUDDY}`);
    this.#program("launchctl", '[ "$1" != print ]');
    this.#program("PlistBuddy", `exec "${process.execPath}" "${buddy}" "$@"`);
    this.#program(
      "openclaw",
      `OPENCLAW_NO_RESPAWN=1 exec "${process.execPath}" --import "${darwin}" "${release.entry}" "$@"`,
    );
  }

  #program(name: string, script: string): void {
    writeFileSync(join(this.#bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  async shell(script: string): Promise<string> {
    const { stdout } = await run("/bin/sh", ["-e", "-c", script], { env: this.#env, timeout: PROGRAM_MS });
    return stdout;
  }

  command(...args: readonly string[]): Promise<string> {
    return this.shell(`"${process.execPath}" "${CLI}" ${args.join(" ")} --openclaw "${this.#release.dir}" || true`);
  }

  /** Carries out what `enable` or `disable` prints, as a user who pastes it would. */
  async follow(name: "enable" | "disable"): Promise<void> {
    const [, steps] = (await this.command(name, "--for", "launchd")).split("do this:\n");
    // A restart would start a gateway.
    const script = steps!
      .replaceAll("/usr/libexec/PlistBuddy", "PlistBuddy")
      .replace(/^.*openclaw gateway restart$/m, "");
    await this.shell(script.replaceAll("$UID", "501"));
  }

  async read(): Promise<Plist> {
    const plist = (await import(parser)) as { parse(text: string): Plist };
    return plist.parse(readFileSync(this.plist, "utf8"));
  }

  async doctor(): Promise<string | undefined> {
    return /^.* service .*$/m.exec(await this.command("doctor", "--no-gateway"))?.[0];
  }
}

test("on OpenClaw 2026.2 the steps add the module to the plist, keep all else, and disable undoes that", async () => {
  const mac = new Mac(await ensureRelease("2026.2.9"));
  await mac.shell("openclaw gateway install --force --token t");
  const before = await mac.read();
  expect(before.EnvironmentVariables).toMatchObject({ OPENCLAW_SERVICE_KIND: "gateway" });
  expect(await mac.doctor()).toMatch(/^WARNING +service +launchd's ai\.openclaw\.gateway .* starts without the module/);

  await mac.follow("enable");
  const options = { NODE_OPTIONS: MODULE };
  expect(await mac.read()).toEqual({ ...before, EnvironmentVariables: { ...before.EnvironmentVariables, ...options } });
  await mac.follow("enable");
  expect((await mac.read()).EnvironmentVariables).toMatchObject(options);
  await mac.follow("disable");
  expect(await mac.read()).toEqual(before);
});

test("on OpenClaw 2026.2 the steps keep the plist's own NODE_OPTIONS", async () => {
  const mac = new Mac(await ensureRelease("2026.2.9"));
  await mac.shell("openclaw gateway install --force --token t");
  const own = '--max-old-space-size=4096 --title="a & b"';
  await mac.shell(`PlistBuddy -c 'Add :EnvironmentVariables:NODE_OPTIONS string ${own}' "${mac.plist}"`);
  await mac.follow("enable");
  expect((await mac.read()).EnvironmentVariables).toMatchObject({ NODE_OPTIONS: `${own} ${MODULE}` });
  await mac.follow("disable");
  expect((await mac.read()).EnvironmentVariables).toMatchObject({ NODE_OPTIONS: own });
});

test("on OpenClaw 2026.5 the steps give the plist a wrapper that loads the module", async () => {
  const release = await ensureRelease("2026.5.7");
  const mac = new Mac(release);
  await mac.shell("openclaw gateway install --force");
  expect(await mac.doctor()).toMatch(/^WARNING +service +launchd's/);
  await mac.follow("enable");
  const wrapper = join(mac.home, ".local/bin/openclaw-isolated");
  expect((await mac.read())["ProgramArguments"]).toContain(wrapper);
  expect(readFileSync(wrapper, "utf8")).toContain(`"${MODULE}" "${release.entry}"`);
  expect(await mac.shell(`"${wrapper}" --version`)).toContain(release.version);
  await mac.follow("disable");
  expect((await mac.read())["ProgramArguments"]).not.toContain(wrapper);
  expect(await mac.doctor()).toMatch(/^WARNING +service +launchd's/);
});
