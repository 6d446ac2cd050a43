/** One scene with a client on both gateways, first on the control gateway. */
import { onTestFinished } from "vitest";
import { gateways } from "../gateway/contract.ts";
import { startTcpProxy, type TcpProxy } from "../support/wire/tcp-proxy.ts";
import type { Endpoint } from "../support/wire/clients.ts";

export interface Both<T> {
  readonly control: T;
  readonly module: T;
}

/** Plays a scene on the control gateway, then on the one with the module. */
export async function onBoth<T>(scene: (gateway: Endpoint) => Promise<T>): Promise<Both<T>> {
  const { plain, isolated } = gateways();
  return { control: await scene(plain), module: await scene(isolated) };
}

/** A network to a gateway that can be cut; it is closed with the test. */
export async function networkTo({ url }: Endpoint): Promise<TcpProxy> {
  const proxy = await startTcpProxy(Number(new URL(url).port));
  onTestFinished(() => proxy.close());
  return proxy;
}
