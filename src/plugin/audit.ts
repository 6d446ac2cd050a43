/** What `openclaw security audit` says about event isolation. */
import { readSettings } from "../host/config.ts";
import type { GatewayConfig } from "../host/gateway-types.ts";
import { reasonOf } from "../host/messages.ts";
import type { Settings } from "../policy/settings.ts";
import type { IsolationStatus } from "../status.ts";
import type { Finding } from "./api.ts";

/**
 * @param config the configuration that is audited
 * @param ask asks the running gateway, see ask-gateway.ts
 */
export async function auditFindings(
  config: GatewayConfig,
  ask: () => Promise<{ status: IsolationStatus } | { problem: string }>,
): Promise<Finding[]> {
  let settings: Settings;
  try {
    settings = readSettings(() => config);
  } catch (error) {
    return [finding("settings", "critical", "Event isolation settings are wrong", reasonOf(error))];
  }
  return [...settingsFindings(settings), ...gatewayFindings(await ask())];
}

function settingsFindings(settings: Settings): Finding[] {
  const found: Finding[] = [];
  if (settings.observers.length > 0) {
    const detail = `${settings.observers.length} entries of "observers" may see all sessions; client id and mode are what a client says of itself.`;
    found.push(
      finding("observers", "warn", "Connections that see all sessions", detail, "Match observers by deviceId."),
    );
  }
  if (settings.onMissingSeam === "warn") {
    const detail = 'On a release that it cannot attach to, the gateway runs unprotected: onMissingSeam is "warn".';
    found.push(
      finding("on_missing_seam", "warn", "Event isolation fails open", detail, 'Set onMissingSeam to "exit".'),
    );
  }
  if (settings.onMissingPreload === "warn") {
    const detail = 'Started without the preload, the gateway runs unprotected: onMissingPreload is "warn".';
    const remediation = 'Set onMissingPreload to "exit".';
    found.push(finding("on_missing_preload", "warn", "Event isolation is optional", detail, remediation));
  }
  return found;
}

function gatewayFindings(answer: { status: IsolationStatus } | { problem: string }): Finding[] {
  if ("problem" in answer) {
    return [finding("unknown", "info", "Event isolation of the running gateway is unknown", answer.problem)];
  }
  if (answer.status.attached) return [];
  const detail = "The running gateway was started without the preload: every client gets the events of every session.";
  const remediation = 'Start it with NODE_OPTIONS="--import=<plugin folder>/dist/register.js".';
  return [finding("unprotected", "critical", "Event isolation is not attached", detail, remediation)];
}

function finding(
  check: string,
  severity: Finding["severity"],
  title: string,
  detail: string,
  remediation?: string,
): Finding {
  return { checkId: `event_isolation.${check}`, severity, title, detail, ...(remediation && { remediation }) };
}
