/** A network between a client and a gateway that can be cut, stalled and healed. */
import { connect, createServer, type Socket } from "node:net";
import { closed, listen } from "../within.ts";

export interface TcpProxy {
  readonly url: string;
  /** Port of this machine to which new connections go. */
  target: number;
  /** Ends every connection and refuses new ones, until it is healed. */
  cut(): void;
  /** Lets nothing through in either direction; connections stay open. */
  stall(): void;
  heal(): void;
  close(): Promise<void>;
}

/** Starts a proxy to a port of this machine. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let isStalled = false;

  const server = createServer((inner) => {
    if (isCut) {
      inner.destroy();
      return;
    }
    const outer = connect(proxy.target, "127.0.0.1");
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
      if (isStalled) from.pause();
    }
  });
  const port = await listen(server);

  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const proxy: TcpProxy = {
    target,
    url: `ws://127.0.0.1:${port}`,
    cut() {
      isCut = true;
      destroyAll();
    },
    stall() {
      isStalled = true;
      for (const socket of sockets) socket.pause();
    },
    heal() {
      isCut = false;
      isStalled = false;
      for (const socket of sockets) socket.resume();
    },
    close: () => {
      destroyAll();
      return closed(server);
    },
  };
  return proxy;
}
