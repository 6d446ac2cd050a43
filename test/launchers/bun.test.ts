/** Bun itself: it does not load the module, and the command says so. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { fromNpm } from "../support/from-npm.ts";
import { PROGRAM_MS } from "../support/within.ts";
import { packOpenclaw, scratchFolder } from "./packed.ts";

const run = promisify(execFile);
const dist = (file: string): string => fileURLToPath(new URL(`../../dist/${file}`, import.meta.url));

test.skipIf(process.platform !== "linux" || process.arch !== "x64")(
  "Bun ignores NODE_OPTIONS, run refuses to start it, and doctor under Bun is an error",
  async () => {
    const folder = scratchFolder("bun");
    const bun = join(await fromNpm({ "@oven/bun-linux-x64": "1.4.5" }), "node_modules/@oven/bun-linux-x64/bin/bun");
    const program = async (args: readonly string[], options = ""): Promise<object> => {
      const env = { PATH: "/usr/bin:/bin", HOME: folder, NODE_OPTIONS: options };
      const ended = run(bun, args, { cwd: folder, env, timeout: PROGRAM_MS });
      return await ended.then((output) => ({ code: 0, ...output })).catch((error: object) => error);
    };
    const preload = join(folder, "preload.mjs");
    writeFileSync(preload, "process.exit(7);\n");
    writeFileSync(join(folder, "app.mjs"), "console.log('runs');\n");
    expect(await program(["app.mjs"], `--import=file://${preload}`)).toMatchObject({ code: 0, stdout: "runs\n" });

    await packOpenclaw(folder);
    const openclaw = ["--openclaw", join(folder, "openclaw")];
    expect(await program([dist("cli.js"), "run", ...openclaw])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/bun is not a Node\.js executable: --version printed "1\./),
    });
    expect(await program([dist("cli.js"), "doctor", "--no-gateway", ...openclaw])).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/^ERROR +node +Bun 1\.\S+ cannot load the module: run the gateway with Node$/m),
    });
  },
);
