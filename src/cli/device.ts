/** An Ed25519 device identity for one connection, for releases that give a backend without an identity no scopes. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

/** In the format of the official client. */
export interface Device {
  /** SHA-256 of the raw public key, hex. */
  readonly deviceId: string;
  readonly publicKeyPem: string;
  readonly privateKeyPem: string;
}

/** Makes a new identity. On loopback a gateway pairs it automatically; elsewhere its operator must. */
export function createDevice(): Device {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const publicKeyPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return {
    deviceId: createHash("sha256").update(rawPublicKey(publicKeyPem)).digest("hex"),
    publicKeyPem,
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** The two functions that the official client needs from its host. */
export const DEVICE_PROOF = {
  signDevicePayload: (privateKeyPem: string, payload: string): string =>
    sign(null, Buffer.from(payload, "utf8"), createPrivateKey(privateKeyPem)).toString("base64url"),
  publicKeyRawBase64UrlFromPem: (publicKeyPem: string): string => rawPublicKey(publicKeyPem).toString("base64url"),
} as const;

function rawPublicKey(publicKeyPem: string): Buffer {
  // An Ed25519 SPKI is a fixed prefix and the 32 bytes of the key.
  return createPublicKey(publicKeyPem).export({ type: "spki", format: "der" }).subarray(-32);
}
