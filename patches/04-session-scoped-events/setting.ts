/** The setting of the patch, as a gateway's configuration. */
import type { Config } from "../../test/support/gateway-config.ts";

export const SETTING: Config = { gateway: { sessionScopedEvents: true } };
