/** 2026.5: events of cron runs go to the queue of the main session, at each site that enqueues them. */
import { ts } from "@ts-morph/common";
import { AnchorError, type Code, type Edit, type Patch } from "../lib/codemod.ts";

const upstream = (file: string): URL => new URL(`upstream/${file}`, import.meta.url);
const EVENT_KEY = "src/routing/event-session-key.ts";

/** Maps the key of one enqueued event, and the wake that names the same key. */
function mapSite(code: Code, enqueue: string): void {
  const { captures } = code.one(enqueue);
  const options = captures.get("$options")!;
  if (!ts.isObjectLiteralExpression(options)) throw new AnchorError("an event without options");
  const key = options.properties.find((property) => property.name?.getText(code.file) === "sessionKey");
  if (!key) throw new AnchorError("an event without a session key");
  const value = ts.isPropertyAssignment(key) ? code.text(key.initializer) : "sessionKey";
  code.replace(key, `sessionKey: resolveEventSessionKey(${value})`);
  const { node: wake } = code.one(`scopedHeartbeatWakeOptions(${value}, $$$)`);
  code.replace((wake as ts.CallExpression).expression, "resolveEventWakeOptions");
}

function site(what: string, declaration: string, path: string, enqueue: string): Edit {
  return {
    what,
    declaration,
    path,
    // Newer releases have a function of that name, one with a policy, or enqueue the event elsewhere.
    present: /\bresolveEventSessionKey(?:ForPolicy)?\(|^(?![\s\S]*\benqueueSystemEvent\b)/,
    imports: { resolveEventSessionKey: EVENT_KEY, resolveEventWakeOptions: EVENT_KEY },
    unneeded: ["scopedHeartbeatWakeOptions"],
    change: (code) => mapSite(code, enqueue),
  };
}

export const patch: Patch = {
  name: "05-cron-run-events",
  title: "fix(cron): deliver events of cron runs to the main session's heartbeat",
  files: { [EVENT_KEY]: upstream("event-session-key.ts") },
  tests: {
    "src/routing/event-session-key.test.ts": upstream("event-session-key.test.ts"),
  },
  edits: [
    site(
      "exec exit notices",
      "maybeNotifyOnExit",
      "src/agents/bash-tools.exec-runtime.ts",
      "enqueueSystemEvent($text, $options)",
    ),
    site(
      "what ACP children report to their parent",
      "startAcpSpawnParentStreamRelay",
      "src/agents/acp-spawn-parent-stream.ts",
      "enqueueSystemEvent($text, $options)",
    ),
    site(
      "stalls that the CLI watchdog reports",
      "executePreparedCliRun",
      "src/agents/cli-runner/execute.ts",
      "executeDeps.enqueueSystemEvent($text, $options)",
    ),
    site(
      "exec events of nodes",
      "handleNodeEvent",
      "src/gateway/server-node-events.ts",
      "enqueueSystemEvent(text, $options)",
    ),
    {
      what: "an acknowledgement is not a reply that must still be delivered",
      declaration: "buildPendingFinalDeliveryText",
      path: "src/auto-reply/reply/agent-runner.ts",
      // Releases before 2026.5 remember no replies.
      optional: true,
      present: "stripHeartbeatToken($$$)",
      imports: { stripHeartbeatToken: "src/auto-reply/heartbeat.ts" },
      change(code) {
        const last = ts.isFunctionDeclaration(code.declaration) ? code.declaration.body?.statements.at(-1) : undefined;
        if (!last || !ts.isReturnStatement(last) || !last.expression)
          throw new AnchorError("it does not return a text");
        code.replace(
          last,
          `
          const text = ${code.text(last.expression)};
          // Nobody is waiting for it; to repeat it would use up the next heartbeat and its events.
          return stripHeartbeatToken(text).shouldSkip ? "" : text;`,
        );
      },
    },
  ],
};
