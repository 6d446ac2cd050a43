/** The identity of a connection, by which a returning client is recognised. */
import { createHash } from "node:crypto";
import { text } from "../policy/fields.ts";
import type { GatewayClient, GatewayConfig } from "./types.ts";

/** Upstream's id of its Control UI, whose device older releases can be told not to check. */
const CONTROL_UI = "openclaw-control-ui";

/** Length of what is kept as it is; of anything longer, a digest is kept. */
const MAX_LENGTH = 512;

/**
 * The device that a connection has proven, and the self-reported program: many programs of one user share a device,
 * and each has its own sessions.
 *
 * @param config called only if needed: older releases read a file for it
 * @returns undefined for a connection without a device, or with one that the gateway has not checked
 */
export function clientIdentity(client: GatewayClient, config: () => GatewayConfig): string | undefined {
  const { role, device, client: self } = client.connect;
  const deviceId = text(device?.id);
  if (deviceId === undefined) return undefined;
  if (self?.id === CONTROL_UI && config().gateway?.controlUi?.dangerouslyDisableDeviceAuth === true) return undefined;
  const said = [role, self?.id, self?.mode, self?.displayName, self?.instanceId].map((each) => text(each) ?? "");
  const identity = JSON.stringify([deviceId, ...said]);
  return identity.length <= MAX_LENGTH ? identity : createHash("sha256").update(identity).digest("base64");
}

/** Whether a connection names its instance of the program: without it, two windows of a program have one identity. */
export function namesInstance({ connect: { client: self } }: GatewayClient): boolean {
  return text(self?.instanceId) !== undefined;
}
