/** A client that stops reading, with more answers under way than the gateway buffers for a connection. */
import type { RawClient } from "./clients.ts";

/** How much the kernel may buffer for a loopback connection whose other end does not read. */
const KERNEL_BYTES = 8_000_000;
/** Few big answers: newer gateways close a connection at an answer that finds the buffer full, too. */
const ANSWER_BYTES = 16_000_000;

/**
 * Stops reading, and asks until more waits than the gateway allows a connection: it drops its next
 * frames then, or closes it at one that may not be dropped. Nobody else is sent any of this: an
 * answer repeats the id of its request, which may be as long as a request.
 */
export function stopReading(client: RawClient): void {
  const { maxBufferedBytes, maxPayload } = client.hello.policy;
  const size = Math.min(ANSWER_BYTES, Math.floor(maxPayload * 0.9));
  client.pause();
  for (let sent = 0; sent < maxBufferedBytes + KERNEL_BYTES; sent += size) {
    client.sendRaw({ type: "req", id: `${sent}-`.padEnd(size, "x"), method: "no.such.method", params: {} });
  }
}
