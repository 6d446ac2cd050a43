/**
 * A program: a client that claims a session and then dies in the middle of a frame, by SIGKILL.
 *
 * Its arguments are the gateway's {@link Endpoint} as JSON and the session's key.
 */
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { connectRaw, type Endpoint } from "./clients.ts";

/** The bytes under the WebSocket. */
let socket: Socket | undefined;
subscribe("net.client.socket", (message) => {
  socket = (message as { socket: Socket }).socket;
});

const [endpoint = "", sessionKey] = process.argv.slice(2);
const client = await connectRaw(JSON.parse(endpoint) as Endpoint, { name: "half a frame" });
await client.request("chat.history", { sessionKey });
// A masked text frame of 60,000 bytes, of which a third is sent.
const length = 60_000;
const head = Buffer.from([0x81, 0x80 | 126, length >> 8, length & 0xff, 1, 2, 3, 4]);
socket!.write(Buffer.concat([head, Buffer.alloc(length / 3, "x")]), () => process.kill(process.pid, "SIGKILL"));
