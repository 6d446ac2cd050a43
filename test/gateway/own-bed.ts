/** Gateways of a case's own, for what the shared ones cannot be asked to do. */
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject, onTestFinished } from "vitest";
import { type BedOptions, type OpenBed, openBed } from "../support/gateway/bed.ts";
import { isolated } from "./isolated-by.ts";

/** Boots an isolated gateway for one test; it is stopped with the test. */
export async function isolatedBed(options: BedOptions & { settings?: object } = {}): Promise<OpenBed> {
  const { settings, ...rest } = options;
  const env = { ...rest.env, ...(settings ? { OPENCLAW_EVENT_ISOLATION_CONFIG: await settingsFile(settings) } : {}) };
  const bed = await openBed(inject("isolated").release, await isolated({ ...rest, env }));
  onTestFinished(() => bed.close());
  return bed;
}

/** Writes settings to a file that is removed with the test. */
export async function settingsFile(settings: object): Promise<string> {
  const { file, remove } = await writeSettings(settings);
  onTestFinished(remove);
  return file;
}

/** Writes settings to a file that the caller removes. */
export async function writeSettings(settings: object): Promise<{ file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "event-isolation-"));
  const file = join(folder, "settings.json");
  await writeFile(file, JSON.stringify(settings));
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}
