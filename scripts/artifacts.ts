/** Files that scripts and the benchmark leave in `artifacts/`. */
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));

/**
 * Makes room for a file.
 *
 * @returns its path
 */
export async function artifact(name: string): Promise<string> {
  await mkdir(ARTIFACTS, { recursive: true });
  return `${ARTIFACTS}${name}`;
}

/** Writes a text as it is, or a value as JSON. */
export async function writeArtifact(name: string, content: string | object): Promise<void> {
  const text = typeof content === "string" ? content : `${JSON.stringify(content, undefined, 2)}\n`;
  await writeFile(await artifact(name), text);
}
