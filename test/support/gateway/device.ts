/** Which releases need a device identity, and what a device signs there. */
import { buildDeviceAuthPayloadV3 } from "@openclaw/gateway-client";
import { compareVersions, type Release } from "./release.ts";

export { createDevice, DEVICE_PROOF, type Device } from "../../../src/cli/device.ts";

/** True for the releases that answer `missing scope` to a backend without a device identity. */
export function needsDevice(release: Release): boolean {
  return compareVersions(release.version, "2026.3.13") >= 0 && compareVersions(release.version, "2026.4.15") <= 0;
}

/** What a device signs to prove itself: 2026.2 knows only the second form, without the platform. */
export function deviceProof(release: Release, claim: Parameters<typeof buildDeviceAuthPayloadV3>[0]): string {
  if (compareVersions(release.version, "2026.3.0") >= 0) return buildDeviceAuthPayloadV3(claim);
  const { deviceId, clientId, clientMode, role, scopes, signedAtMs, token, nonce } = claim;
  return ["v2", deviceId, clientId, clientMode, role, scopes.join(","), signedAtMs, token ?? "", nonce].join("|");
}
