/**
 * The OpenClaw plugin: the companion of the preload. It cannot attach by itself, since OpenClaw's modules have
 * already run when plugins load; it carries the settings, answers `isolation.status`, and keeps a gateway without the
 * preload from running.
 */
import { ownVersion } from "./attach/own-version.ts";
import { gatewayProcess, isGatewayRun } from "./attach/process.ts";
import type { MethodRequest, PluginApi } from "./plugin/api.ts";
import { registerCommand } from "./plugin/command.ts";
import { PLUGIN_ID } from "./plugin/manifest.ts";
import { missingPreload } from "./plugin/missing-preload.ts";
import { type IsolationStatus, STATUS_METHOD, STATUS_SCHEMA, statusSource, withoutNames } from "./status.ts";
import { MESSAGES } from "./messages.ts";

/** Called in gateways and in commands, in some more than once. */
function register(api: PluginApi): void {
  const args = process.argv.slice(2);
  const full = (api.registrationMode ?? "full") === "full";
  // `openclaw setup` and the like may start a gateway later on, but have work to do before.
  const starting = full && args.includes("gateway") && isGatewayRun(args);
  if (starting && !statusSource()) missingPreload(api);
  api.registerService({
    id: PLUGIN_ID,
    // Only gateways start services, including those that the command line does not show.
    start: () => {
      if (!starting && !statusSource()) missingPreload(api);
    },
  });
  api.registerGatewayMethod(STATUS_METHOD, answerStatus, { scope: "operator.read", profileAccess: "independent" });
  registerCommand(api);
}

/** Handler of the gateway method: {@link IsolationStatus}, with session keys for `operator.admin` only. */
function answerStatus({ client, respond }: MethodRequest): void {
  try {
    const status = statusSource()?.status() ?? unprotected();
    const admin = client?.connect?.scopes?.includes("operator.admin") === true;
    respond(true, admin ? status : withoutNames(status));
  } catch {
    respond(false, undefined, { code: "UNAVAILABLE", message: MESSAGES.statusUnreadable });
  }
}

function unprotected(): IsolationStatus {
  const release = gatewayProcess(process.argv)?.release ?? "unknown";
  return { schema: STATUS_SCHEMA, version: ownVersion(), release, attached: false, seams: [], settings: {} };
}

export default { id: PLUGIN_ID, name: "Event isolation", register };
