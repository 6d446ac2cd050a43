/** The scoped client in tests of real gateways: connecting, and what its streams show. */
import { onTestFinished } from "vitest";
import { type ChatEvent, type ChatRun, type Client, connect, type ConnectOptions } from "../../src/client.ts";

/** Connects a scoped client that is closed with the test. */
export async function connectScoped(
  gateway: { readonly url: string; readonly token: string },
  options: Partial<ConnectOptions> = {},
): Promise<Client> {
  const client = await connect({ url: gateway.url, token: gateway.token, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** Everything that a run yields. */
export async function read(run: ChatRun): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

/** What a consumer has on its screen in the end. */
export function shown(events: readonly ChatEvent[]): string {
  return events.reduce((text, event) => {
    if (event.type !== "text-delta") return text;
    return event.replace ? event.delta : text + event.delta;
  }, "");
}

/** Reads a run until the first text. */
export async function untilText(run: ChatRun): Promise<AsyncIterator<ChatEvent>> {
  const events = run[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error("the run ended without a text");
    if (value.type === "text-delta") return events;
  }
}

/** What comes after. */
export async function rest(events: AsyncIterator<ChatEvent>): Promise<ChatEvent[]> {
  const read_: ChatEvent[] = [];
  for (let next = await events.next(); !next.done; next = await events.next()) read_.push(next.value);
  return read_;
}
