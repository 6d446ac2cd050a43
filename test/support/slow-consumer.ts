/** A client that stops reading, with more answers under way than the gateway buffers for a connection. */
import type { RawClient } from "./clients.ts";
import { type Config, ECHO_MODEL } from "./gateway-config.ts";

const MEGABYTE = 1_000_000;
/** What the kernel may take of both ends of a connection on loopback, and some more. */
const KERNEL_BYTES = 16 * MEGABYTE;

/** For a gateway that slow consumers meet: makes the answer to `models.list` a megabyte long. */
export const LONG_ANSWERS: Config = {
  models: {
    providers: { mock: { models: [ECHO_MODEL, { ...ECHO_MODEL, id: "long", name: "x".repeat(MEGABYTE) }] } },
  },
};

/**
 * Stops reading, and asks for answers until more wait than the gateway allows a connection: it
 * drops its next frames then, or closes it at one that may not be dropped. Nobody else is sent
 * any of this.
 */
export function stopReading(client: RawClient): void {
  const { maxBufferedBytes } = client.hello.policy;
  client.pause();
  for (let sent = 0; sent < maxBufferedBytes + KERNEL_BYTES; sent += MEGABYTE) {
    client.sendRaw({ type: "req", id: `long-${sent}`, method: "models.list", params: {} });
  }
}
