/** An Ed25519 device identity, for the releases that take the scopes of a backend without one. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { buildDeviceAuthPayloadV3 } from "@openclaw/gateway-client";
import { compareVersions, type Release } from "./release.ts";

export type Device = {
  readonly deviceId: string;
  readonly publicKeyPem: string;
  readonly privateKeyPem: string;
  /** The raw public key, base64url. */
  readonly publicKey: string;
  sign(payload: string): string;
};

/** True for the releases that answer `missing scope` to a backend without a device identity. */
export function needsDevice(release: Release): boolean {
  return compareVersions(release.version, "2026.3.13") >= 0 && compareVersions(release.version, "2026.4.15") <= 0;
}

/** Makes a new device identity. The gateway pairs it by itself on loopback. */
export function createDevice(): Device {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = rawPublicKey(publicKey);
  return {
    deviceId: createHash("sha256").update(raw).digest("hex"),
    publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: raw.toString("base64url"),
    sign: (payload) => sign(null, Buffer.from(payload, "utf8"), privateKey).toString("base64url"),
  };
}

/** What a device signs to prove itself: 2026.2 knows only the second form, without the platform. */
export function deviceProof(release: Release, claim: Parameters<typeof buildDeviceAuthPayloadV3>[0]): string {
  if (compareVersions(release.version, "2026.3.0") >= 0) return buildDeviceAuthPayloadV3(claim);
  const { deviceId, clientId, clientMode, role, scopes, signedAtMs, token, nonce } = claim;
  return ["v2", deviceId, clientId, clientMode, role, scopes.join(","), signedAtMs, token ?? "", nonce].join("|");
}

function rawPublicKey(key: KeyObject): Buffer {
  // An Ed25519 SPKI is a fixed prefix and the 32 bytes of the key.
  return key.export({ type: "spki", format: "der" }).subarray(-32);
}
