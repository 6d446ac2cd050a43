/** `doctor`'s checks of the running gateway. */
import { type Check, finding } from "./check.ts";
import { silentLine } from "../policy/silence.ts";
import { Failure } from "./failure.ts";
import { type GatewayOptions, gatewayTarget } from "./gateway-target.ts";
import type { OpenclawConfig } from "./openclaw-config.ts";
import { DeniedStatusError, isolationStatus, UnknownStatusError } from "./status.ts";
import { MESSAGES } from "./messages.ts";

const TIMEOUT_MS = 8_000;
const name = "gateway";

/**
 * Asks the gateway for its status. If no gateway runs, that is a problem only if one was named.
 *
 * @param release of the installed openclaw
 */
export async function gatewayChecks(
  options: GatewayOptions,
  env: NodeJS.ProcessEnv,
  release: string,
  config: OpenclawConfig = {},
): Promise<Check[]> {
  try {
    const target = await gatewayTarget(options, env, config);
    const status = await isolationStatus(target, { timeoutMs: TIMEOUT_MS });
    const missing = status.seams.filter((seam) => seam.required && seam.state === "missing");
    const checks: Check[] = [
      status.attached
        ? finding.ok(name, `${target.url}: attached (openclaw-event-isolation ${status.version})`)
        : finding.error(name, MESSAGES.withoutModule(target.url, missing.map((seam) => seam.name).join(", "))),
    ];
    if (status.release !== release) {
      checks.push(finding.warning(name, MESSAGES.restartNeeded(status.release, release)));
    }
    for (const connection of status.connections ?? []) {
      if (connection.silent) checks.push(finding.info("clients", silentLine(connection)));
    }
    return checks;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error instanceof UnknownStatusError) return [finding.warning(name, error.message)];
    if (error instanceof DeniedStatusError) return [finding.info(name, error.message)];
    const quiet = options.url === undefined && error.message.startsWith("nothing listens");
    return [finding[quiet ? "info" : "warning"](name, MESSAGES.notChecked(error.message))];
  }
}
