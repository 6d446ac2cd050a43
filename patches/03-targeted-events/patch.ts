/**
 * Events that name a session reach it: `system-event` wakes its session and refuses unknown agents,
 * keys of cron runs lead to the queue that is drained, and `/hooks/wake` refuses another agent's key.
 */
import { ts } from "@ts-morph/common";
import { AnchorError, type Code, type Patch } from "../lib/codemod.ts";

const upstream = (file: string): URL => new URL(`upstream/${file}`, import.meta.url);
const SESSION_KEY = "src/routing/session-key.ts";

/** The node that a `$name` of a pattern stood for. */
function capture(code: Code, pattern: string, name: string, root?: ts.Node): ts.Node {
  return code.one(pattern, root).captures.get(name)!;
}

/** Changes the handler of `system-event`, one property of the handlers' object. */
function changeSystemEvent(code: Code): void {
  const { node: handler } = code.one('{"system-event": $handler}:property');
  const { node: wake } = code.one("const wake = params.wake === true;", handler);
  code.replace(wake, code.text(wake).replace(/^const/, "let"));

  const guard = code.one("if (wake && requestedSessionKey) { $$$ }", handler).node as ts.IfStatement;
  code.replace(guard.expression, "requestedSessionKey");
  const target = capture(code, "loadGatewaySessionEntryReadOnly($key, $$$)", "$key", guard);
  code.replace(target, "sessionKey");
  const { node: check } = code.one("if (!targetSession || $archived) { $$$ }", guard);
  const { expression: gone } = check as ts.IfStatement;
  code.before(check, `const targetGone = ${code.text(gone)};`);
  code.replace(gone, "wake && targetGone");
  code.after(
    check,
    `
    // A caller that names a session wants it to see the event. Only a caller that says so leaves it to the
    // session's next turn; an event for a session that is still to come waits for its first one.
    if (params.wake !== false && !isNodePresenceLine && !targetGone) {
      wake = true;
    }`,
  );

  const key = code.one("{sessionKey: requestedSessionKey}:property", handler).node;
  code.before(code.statementOf(key), "// Nobody drains the queue of a cron run.");
  code.replace(
    key,
    "sessionKey: resolveEventSessionKey(requestedSessionKey, cfg.session?.mainKey, cfg.session?.scope)",
  );
  const owned = capture(code, "!requestedSessionKey && eventOwnerAgentId ? $owner : $none", "$owner", handler);
  code.replace(
    (owned.parent as ts.ConditionalExpression).condition,
    "sessionKey !== requestedSessionKey && eventOwnerAgentId",
  );
}

export const patch: Patch = {
  name: "03-targeted-events",
  title: "fix(gateway): deliver events that name a session to a queue that is drained",
  tests: {
    "src/gateway/server-methods/system.targeted-events.test.ts": upstream("system.targeted-events.test.ts"),
    "src/tasks/task-notification-routing.cron-run.test.ts": upstream("task-notification-routing.cron-run.test.ts"),
  },
  edits: [
    {
      what: "system-event wakes its session, refuses unknown agents, and maps keys of cron runs",
      declaration: "systemHandlers",
      path: "src/gateway/server-methods/system.ts",
      present: "resolveEventSessionKey(requestedSessionKey, $$$)",
      imports: { resolveEventSessionKey: SESSION_KEY },
      change: changeSystemEvent,
    },
    {
      what: "wake maps keys of cron runs under every session scope",
      declaration: "buildGatewayCronService",
      path: "src/gateway/server-cron.ts",
      present: "resolvedSessionKey ? resolveEventSessionKey($$$) : $none",
      change(code) {
        const { node } = code.one('$key && $config.session?.scope === "global" ? resolveEventSessionKey($$$) : $key');
        const { condition, whenFalse } = node as ts.ConditionalExpression;
        code.replace(condition, "resolvedSessionKey");
        code.replace(whenFalse, "undefined");
      },
    },
    {
      what: "events of hooks map keys of cron runs",
      declaration: "resolveHookEventTarget",
      path: "src/gateway/server/hooks.ts",
      present: "resolveEventSessionKey($$$)",
      imports: { resolveEventSessionKey: SESSION_KEY },
      change(code) {
        const key = capture(code, "params.sessionKey ? $key : resolveAgentMainSessionKey($$$)", "$key");
        code.replace(
          key,
          `
          resolveEventSessionKey(
            ${code.text(key)},
            params.cfg.session?.mainKey,
          )`,
        );
      },
    },
    {
      what: "/hooks/wake refuses a key of another agent",
      declaration: "createHooksRequestHandler",
      path: "src/gateway/server/hooks-request-handler.ts",
      present: "const keyAgentId = $agent;",
      imports: { parseAgentSessionKey: SESSION_KEY, normalizeAgentId: SESSION_KEY },
      change(code) {
        const { node: dispatch } = code.one("const dispatchWake = $handler;");
        const { node } = code.one("const resolvedSessionKey = resolveDispatchSessionKeyOrRespond($$$);", dispatch);
        code.before(
          node,
          `
          // To put the event into another agent's session of the same name helps nobody.
          const keyAgentId = parseAgentSessionKey(sessionKey.value)?.agentId;
          if (
            source === "request" &&
            keyAgentId &&
            normalizeAgentId(keyAgentId) !== normalizeAgentId(targetAgentId)
          ) {
            sendHookError(\`sessionKey belongs to agent "\${keyAgentId}"; name that agent as agentId\`);
            return null;
          }`,
        );
      },
    },
    {
      what: "task events map keys of cron runs",
      declaration: "queueTaskSystemEvent",
      path: "src/tasks/task-notification-routing.ts",
      present: "resolveEventSessionKey($$$)",
      imports: { resolveEventSessionKey: SESSION_KEY, getRuntimeConfig: "src/config/io.runtime.ts" },
      change(code) {
        const places = code.all("{sessionKey: ownerKey}:property");
        if (places.length !== 2) throw new AnchorError("queueTaskSystemEvent has not one event and one wake");
        for (const { node } of places) code.replace(node, "sessionKey: eventKey");
        code.after(
          code.one("if (!ownerKey) { return false; }").node,
          `
          const { session } = getRuntimeConfig();
          const eventKey = resolveEventSessionKey(ownerKey, session?.mainKey, session?.scope);`,
        );
      },
    },
    {
      what: "notifications of nodes map keys of cron runs",
      declaration: "handleNodeEvent",
      path: "src/gateway/server-node-events.ts",
      present: "resolveEventSessionKey($$$)",
      imports: { resolveEventSessionKey: SESSION_KEY, getRuntimeConfig: "src/config/io.runtime.ts" },
      change(code) {
        const { node: event } = code.one("enqueueSystemEvent(summary, $options)");
        const { node: wake } = code.one('requestSessionEventWake({ source: "notifications-event", $$$ })');
        for (const place of [event, wake]) {
          code.replace(code.one("{sessionKey}:property", place).node, "sessionKey: eventSessionKey");
        }
        code.before(
          code.statementOf(event),
          `
          const { session } = getRuntimeConfig();
          const eventSessionKey = resolveEventSessionKey(sessionKey, session?.mainKey, session?.scope);`,
        );
      },
    },
  ],
};
