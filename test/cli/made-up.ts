import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emptyFolder } from "./command.ts";

/** A chunk with every required function. */
export const ALL_REQUIRED = ["createGatewayBroadcaster", "handleGatewayRequest", "loadConfig"]
  .map((name) => `function ${name}() {}\n`)
  .join("");

/** An openclaw package that is not real: of a release that there is not, with the chunk given. */
export function madeUp(version: string, chunk: string): string {
  const folder = emptyFolder();
  mkdirSync(join(folder, "dist"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "openclaw", version }));
  writeFileSync(join(folder, "openclaw.mjs"), "console.log('a gateway');\n");
  writeFileSync(join(folder, "dist/chunk.js"), chunk);
  return folder;
}
