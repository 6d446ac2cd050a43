/** `task` and `cron` events show what a run was asked and said to subscribers of its session only. */
import type { ts } from "@ts-morph/common";
import type { Patch } from "../lib/codemod.ts";

const upstream = (file: string): URL => new URL(`upstream/${file}`, import.meta.url);
const PROJECTION = "src/gateway/run-event-projection.ts";

export const patch: Patch = {
  name: "07-run-events",
  title: "fix(gateway): keep the text of task and cron events from connections that have not subscribed to the session",
  files: { [PROJECTION]: upstream("run-event-projection.ts") },
  tests: {
    "src/gateway/run-event-projection.test.ts": upstream("run-event-projection.test.ts"),
    "src/gateway/server-connection-state.run-events.test.ts": upstream("server-connection-state.run-events.test.ts"),
  },
  edits: [
    {
      what: "recipients get task and cron events by subscription",
      declaration: "createGatewayConnectionState",
      path: "src/gateway/server-connection-state.ts",
      present: "prepareRunEventProjection($$$)",
      imports: { prepareRunEventProjection: PROJECTION },
      change(code) {
        const { node } = code.one(
          '!projection || (event !== "sessions.changed" && event !== "session.message") || !isRecord(payload)',
        );
        code.before(
          code.statementOf(node),
          `
          const projectRunEvent = prepareRunEventProjection(event, payload, eventScope, {
            sessionEventSubscribers,
            sessionMessageSubscribers,
          });
          if (projectRunEvent) {
            return projectRunEvent;
          }`,
        );
      },
    },
    {
      what: "a task without a requester is routed to the session of its run",
      declaration: "startGatewayTaskSubscriptions",
      path: "src/gateway/server-task-subscriptions.ts",
      present: "resolveTaskRunSessionTarget(event.task)",
      imports: { resolveTaskRunSessionTarget: PROJECTION },
      change(code) {
        const { node } = code.one("resolveTaskRequesterSessionTarget(event.task)");
        code.replace(node, `${code.text(node)} ?? resolveTaskRunSessionTarget(event.task)`);
      },
    },
    {
      what: "the row of a job's session goes to those who asked for the roster",
      declaration: "buildGatewayCronService",
      path: "src/gateway/server-cron.ts",
      present: 'context.broadcastToConnIds("sessions.changed", $$$)',
      change(code) {
        const { node, captures } = code.one('params.broadcast("sessions.changed", { sessionKey, $$$ }, $options)');
        const [, change] = (node as ts.CallExpression).arguments;
        const toSubscribers = [
          '"sessions.changed"',
          code.text(change!),
          "context.getSessionEventSubscriberConnIds()",
          code.text(captures.get("$options")!),
        ];
        code.replace(node, `context ? context.broadcastToConnIds(${toSubscribers.join(", ")}) : ${code.text(node)}`);
      },
    },
  ],
};
