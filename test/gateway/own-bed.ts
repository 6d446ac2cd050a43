/** Gateways of a case's own, for what the shared ones cannot be asked to do. */
import { inject, onTestFinished } from "vitest";
import { type BedOptions, type OpenBed, openBed } from "../support/gateway/bed.ts";
import { writeSettings } from "../support/gateway/settings-file.ts";
import { isolated } from "./isolated-by.ts";

export { writeSettings };

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
