/**
 * Entry for `node --import openclaw-event-isolation/register`. Outside the main thread of a gateway run it does
 * nothing and loads nothing else.
 */
import { isMainThread } from "node:worker_threads";
import { gatewayProcess } from "./attach/process.ts";

if (isMainThread) {
  const gateway = gatewayProcess(process.argv, process.env);
  if (gateway) (await import("./isolation.ts")).install(gateway);
}
