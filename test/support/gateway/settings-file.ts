/** The module's settings in a file, as `OPENCLAW_EVENT_ISOLATION_CONFIG` names one. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Writes settings to a file that the caller removes. */
export async function writeSettings(settings: object): Promise<{ file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "event-isolation-"));
  const file = join(folder, "settings.json");
  await writeFile(file, JSON.stringify(settings));
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}
