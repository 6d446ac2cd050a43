/** Events of a session bring rows of its ancestors to those only who have asked for these. */
import type { Patch } from "../lib/codemod.ts";

const upstream = (file: string): URL => new URL(`upstream/${file}`, import.meta.url);
const RECIPIENTS = "src/gateway/session-row-recipients.ts";

export const patch: Patch = {
  name: "08-ancestor-rows",
  title: "fix(gateway): send rows of ancestor sessions to connections that have subscribed to them",
  files: { [RECIPIENTS]: upstream("session-row-recipients.ts") },
  tests: {
    "src/gateway/server-connection-state.ancestor-rows.test.ts": upstream(
      "server-connection-state.ancestor-rows.test.ts",
    ),
  },
  edits: [
    {
      what: "ancestor rows need a subscription",
      declaration: "createGatewayConnectionState",
      path: "src/gateway/server-connection-state.ts",
      present: "receivesSessionRow($$$)",
      imports: { receivesSessionRow: RECIPIENTS },
      change(code) {
        const { node: hidden } = code.one("presentation.sharing.entryFilter?.(ancestor.key, ancestor.entry) === false");
        code.replace(
          hidden,
          `
          !receivesSessionRow(client, ancestor, {
            sessionEventSubscribers,
            sessionMessageSubscribers,
          }) || ${code.text(hidden)}`,
        );
      },
    },
  ],
};
