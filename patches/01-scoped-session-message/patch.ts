/** `session.message` joins the events that a client with the cap `session-scoped-events` gets by subscription only. */
import { ts } from "@ts-morph/common";
import { AnchorError, type Patch } from "../lib/codemod.ts";

export const patch: Patch = {
  name: "01-scoped-session-message",
  title: "fix(gateway): gate session.message behind session subscriptions for scoped clients",
  tests: {
    "src/gateway/server-broadcast.session-message.test.ts": new URL(
      "upstream/server-broadcast.session-message.test.ts",
      import.meta.url,
    ),
  },
  edits: [
    {
      what: "session.message in the events that need a subscription",
      declaration: "SESSION_SUBSCRIPTION_EVENTS",
      path: "src/gateway/server-broadcast.ts",
      present: '"session.message"',
      change(code) {
        const { node } = code.one("new Set([$$$])");
        const [list] = (node as ts.NewExpression).arguments ?? [];
        if (!list || !ts.isArrayLiteralExpression(list)) throw new AnchorError("no list of events");
        code.append(
          list.elements,
          `
          // The broad sessions.subscribe asks for the roster. Without this entry it would also hand
          // scoped clients the transcript of every session they have not subscribed to.
          "session.message",`,
        );
      },
    },
  ],
};
