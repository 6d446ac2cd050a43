/** The `heartbeat` event needs `operator.read`, and its preview a subscription to the heartbeat's session. */
import { ts } from "@ts-morph/common";
import { AnchorError, type Patch } from "../lib/codemod.ts";

const upstream = (file: string): URL => new URL(`upstream/${file}`, import.meta.url);
const PROJECTION = "src/gateway/heartbeat-event-projection.ts";

export const patch: Patch = {
  name: "02-heartbeat-event",
  title: "fix(gateway): keep heartbeat previews from connections that have not subscribed to the session",
  files: { [PROJECTION]: upstream("heartbeat-event-projection.ts") },
  tests: {
    "src/gateway/heartbeat-event-projection.test.ts": upstream("heartbeat-event-projection.test.ts"),
    "src/gateway/server-broadcast.heartbeat-event.test.ts": upstream("server-broadcast.heartbeat-event.test.ts"),
  },
  edits: [
    {
      what: "heartbeat events need operator.read",
      declaration: "EVENT_SCOPE_GUARDS",
      path: "src/gateway/server-broadcast-scopes.ts",
      present: "{heartbeat: [READ_SCOPE]}:property",
      change: (code) => code.replace(code.one("{heartbeat: []}:property").node, "heartbeat: [READ_SCOPE]"),
    },
    {
      what: "the broadcaster withholds previews",
      declaration: "createGatewayBroadcaster",
      path: "src/gateway/server-broadcast.ts",
      present: "prepareHeartbeatEventProjection($$$)",
      imports: { prepareHeartbeatEventProjection: PROJECTION },
      change(code) {
        const { captures } = code.one("projectSession = $prepared");
        const prepared = captures.get("$prepared")!;
        if (!ts.isCallExpression(prepared)) throw new AnchorError("projectSession is not made by a call");
        code.replace(
          prepared,
          `
          prepareHeartbeatEventProjection(event, payload, sessionKeys, sessionMessageSubscribers) ??
            ${code.text(prepared)}`,
        );
      },
    },
    {
      what: "heartbeat events name their session",
      declaration: "HeartbeatEventPayload",
      path: "src/infra/heartbeat-events.ts",
      typesOnly: true,
      present: /\bsessionKey\?: string/,
      change(code) {
        const members = ts.isTypeAliasDeclaration(code.declaration) ? code.declaration.type : undefined;
        if (!members || !ts.isTypeLiteralNode(members))
          throw new AnchorError("HeartbeatEventPayload is not an object type");
        const preview = members.members.find((member) => member.name?.getText(code.file) === "preview");
        if (!preview) throw new AnchorError("HeartbeatEventPayload has no preview");
        code.before(
          preview,
          `
          /** The session that the heartbeat ran for. Routes the event; it is not sent along. */
          sessionKey?: string;
          agentId?: string;`,
        );
      },
    },
    {
      what: "a heartbeat that said something names its session",
      declaration: "prepareHeartbeatDispatchReply",
      path: "src/infra/heartbeat-dispatch.ts",
      present: "emitHeartbeatEvent({ ...event, $$$, agentId })",
      change(code) {
        const { node } = code.one("emitHeartbeatEvent({ ...event, $$$ })");
        const [event] = (node as ts.CallExpression).arguments;
        if (!event || !ts.isObjectLiteralExpression(event)) throw new AnchorError("no event");
        code.append(event.properties, "sessionKey,\nagentId,");
      },
    },
    {
      what: "the event's session is where it is routed to",
      declaration: "startGatewayEventSubscriptions",
      path: "src/gateway/server-runtime-subscriptions.ts",
      present: 'params.broadcast("heartbeat", payload, $$$)',
      imports: { resolveSessionSubscriptionKeys: "src/gateway/session-subscription-keys.ts" },
      change(code) {
        const { node } = code.one('onHeartbeatEvent(($evt) => { params.broadcast("heartbeat", $evt, $$$); })');
        code.replace(
          node,
          `
          onHeartbeatEvent(({ sessionKey, agentId, ...payload }) => {
            params.broadcast("heartbeat", payload, {
              dropIfSlow: true,
              ...(sessionKey && agentId
                ? { sessionKeys: resolveSessionSubscriptionKeys(sessionKey, agentId), agentId }
                : {}),
            });
          })`,
        );
      },
    },
  ],
};
