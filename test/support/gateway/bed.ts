/** A gateway, its model and its clients for the length of one test. */
import { fileURLToPath } from "node:url";
import { connectOfficial, connectRaw, type Client, type ConnectOptions, type RawClient } from "../wire/clients.ts";
import { startGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
import { startModel, type Model } from "./model.ts";
import type { Release } from "./release.ts";

export type Bed = {
  readonly gateway: Gateway;
  readonly model: Model;
  /** Connects an official client; it is closed with the bed. */
  connect(options?: ConnectOptions): Promise<Client>;
  /** Connects a hand-written client; it is closed with the bed. */
  connectRaw(options?: ConnectOptions): Promise<RawClient>;
};

export type OpenBed = Bed & {
  /** Stops the clients, the gateway and the model. */
  close(): Promise<void>;
};

export type BedOptions = Omit<GatewayOptions, "release" | "model">;

/** Absolute path of the built `register.js` of this project. */
export function isolationRegister(): string {
  return fileURLToPath(new URL("../../../dist/register.js", import.meta.url));
}

/** Starts a model and a gateway; the caller closes the bed. */
export async function openBed(release: Release, options: BedOptions = {}): Promise<OpenBed> {
  const model = await startModel();
  const gateway = await startGateway({ ...options, release, model }).catch(async (error: unknown) => {
    await model.close();
    throw error;
  });
  const clients: Client[] = [];
  const keep = <T extends Client>(client: T): T => {
    clients.push(client);
    return client;
  };
  return {
    gateway,
    model,
    connect: async (connectOptions) => keep(await connectOfficial(gateway, connectOptions)),
    connectRaw: async (connectOptions) => keep(await connectRaw(gateway, connectOptions)),
    async close() {
      await Promise.allSettled(clients.map((client) => client.close()));
      await gateway.stop();
      await model.close();
    },
  };
}

/** Runs a test on a bed and always stops everything after it. */
export async function withBed<T>(release: Release, options: BedOptions, test: (bed: Bed) => Promise<T>): Promise<T> {
  const bed = await openBed(release, options);
  try {
    return await test(bed);
  } finally {
    await bed.close();
  }
}
