/** `doctor`'s checks of the running gateway. */
import { type Check, finding } from "./check.ts";
import { silentLine } from "../policy/silence.ts";
import { Failure } from "./failure.ts";
import { type GatewayOptions, gatewayTarget } from "./gateway-target.ts";
import type { OpenclawConfig } from "./openclaw-config.ts";
import { DeniedStatusError, isolationStatus, UnknownStatusError } from "./status.ts";

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
        : finding.error(
            name,
            `${target.url} runs WITHOUT the module${missing.length > 0 ? ` (no ${missing.map((seam) => seam.name).join(", ")})` : ""}: every client gets the events of every session; start it with openclaw-event-isolation run, or run openclaw-event-isolation enable`,
          ),
    ];
    if (status.release !== release) {
      checks.push(
        finding.warning(
          name,
          `the gateway runs OpenClaw ${status.release}, but ${release} is installed: restart the gateway`,
        ),
      );
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
    return [finding[quiet ? "info" : "warning"](name, `not checked: ${error.message}`)];
  }
}
