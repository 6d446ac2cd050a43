/** Which releases need a device identity, and what a device signs there. */
import { buildDeviceAuthPayloadV3 } from "@openclaw/gateway-client";
import { capabilities } from "./capabilities.ts";
import type { Release } from "./release.ts";

export { createDevice, DEVICE_PROOF, type Device } from "../../../src/cli/device.ts";

/** What a device signs to prove itself: older releases know only the second form, without the platform. */
export function deviceProof(release: Release, claim: Parameters<typeof buildDeviceAuthPayloadV3>[0]): string {
  if (capabilities(release).takesNewDeviceProofs) return buildDeviceAuthPayloadV3(claim);
  const { deviceId, clientId, clientMode, role, scopes, signedAtMs, token, nonce } = claim;
  return ["v2", deviceId, clientId, clientMode, role, scopes.join(","), signedAtMs, token ?? "", nonce].join("|");
}
