/** One setting that scopes session events to subscribers for every operator client. */
import { ts } from "@ts-morph/common";
import { patch as scopedSessionMessage } from "../01-scoped-session-message/patch.ts";
import { AnchorError, type Code, type Patch } from "../lib/codemod.ts";

const upstream = (file: string): URL => new URL(`upstream/${file}`, import.meta.url);
const IMPLICIT = "src/gateway/implicit-session-subscription.ts";

/** The members of an object type, as an alias or an interface. */
function membersOf(type: ts.Node | undefined): ts.NodeArray<ts.TypeElement> | undefined {
  if (!type) return undefined;
  if (ts.isTypeLiteralNode(type) || ts.isInterfaceDeclaration(type)) return type.members;
  return ts.isTypeAliasDeclaration(type) ? membersOf(type.type) : undefined;
}

function addMember(code: Code, type: ts.Node | undefined, after: string, member: string): void {
  const anchor = membersOf(type)?.find(({ name }) => name?.getText(code.file) === after);
  if (!anchor) throw new AnchorError(`no member ${after} in an object type`);
  code.after(anchor, member);
}

export const patch: Patch = {
  name: "04-session-scoped-events",
  title: "feat(gateway): let a gateway scope session events to subscribers for all operator clients",
  config: { gateway: { sessionScopedEvents: true } },
  files: { [IMPLICIT]: upstream("implicit-session-subscription.ts") },
  tests: {
    "src/gateway/implicit-session-subscription.test.ts": upstream("implicit-session-subscription.test.ts"),
    "src/gateway/server-broadcast.session-scoped-events.test.ts": upstream(
      "server-broadcast.session-scoped-events.test.ts",
    ),
  },
  edits: [
    // Without it the transcripts would still go to all that asked for the roster.
    ...scopedSessionMessage.edits,
    {
      what: "the broadcaster scopes every client's session events",
      declaration: "createGatewayBroadcaster",
      path: "src/gateway/server-broadcast.ts",
      present: "const scopeAllClients = $setting;",
      change(code) {
        const { node: declared } = code.one(
          "const isSessionSubscriptionEvent = SESSION_SUBSCRIPTION_EVENTS.has(event);",
        );
        code.before(
          declared,
          `
          const scopeAllClients = params.scopeSessionEventsToSubscribers?.() === true;`,
        );
        code.replace(
          code.one("SESSION_SUBSCRIPTION_EVENTS.has(event)").node,
          `
          SESSION_SUBSCRIPTION_EVENTS.has(event) ||
            // An event that is added later is scoped too.
            (scopeAllClients && event.startsWith("session."))`,
        );
        const { node: cap } = code.one(
          "hasGatewayClientCap(c.connect.caps, GATEWAY_CLIENT_CAPS.SESSION_SCOPED_EVENTS)",
        );
        code.replace(cap, `scopeAllClients || ${code.text(cap)}`);
      },
    },
    {
      what: "the broadcaster's parameters have the setting",
      declaration: "createGatewayBroadcaster",
      path: "src/gateway/server-broadcast.ts",
      typesOnly: true,
      present: /scopeSessionEventsToSubscribers\?: /,
      change(code) {
        const [params] = ts.isFunctionDeclaration(code.declaration) ? code.declaration.parameters : [];
        addMember(
          code,
          params?.type,
          "sessionMessageSubscribers",
          `
          /** Session events need a subscription, whatever the client's caps: gateway.sessionScopedEvents. */
          scopeSessionEventsToSubscribers?: () => boolean;`,
        );
      },
    },
    {
      what: "the gateway reads the setting",
      declaration: "createGatewayConnectionState",
      path: "src/gateway/server-connection-state.ts",
      present: "{scopeSessionEventsToSubscribers: $read}:property",
      change(code) {
        const { node } = code.one("createGatewayBroadcaster($params)");
        const config = code
          .one("createPresenceRecipientProjection({ cfg: $config, presence })", node)
          .captures.get("$config")!;
        code.before(
          code.one("{sessionMessageSubscribers}:property", node).node,
          `scopeSessionEventsToSubscribers: () => ${code.text(config)}.gateway?.sessionScopedEvents === true,`,
        );
      },
    },
    {
      what: "requests that open a session subscribe to it",
      declaration: "handleGatewayRequest",
      path: "src/gateway/server-methods.ts",
      present: "prepareImplicitSessionSubscription($$$)",
      imports: { prepareImplicitSessionSubscription: IMPLICIT },
      change(code) {
        const { node: options } = code.one("const handlerOptions = $options;");
        code.before(
          options,
          `
          const implicitSubscription = prepareImplicitSessionSubscription({
            method: req.method,
            params: req.params,
            connId: client?.connId,
            context,
            respond,
          });`,
        );
        code.replace(code.one("{respond}:property", options).node, "respond: implicitSubscription.respond");
        for (const { node } of code.all("preparedHandler(handlerOptions)")) {
          code.replace(node, `implicitSubscription.during(() => ${code.text(node)})`);
        }
      },
    },
    {
      what: "the setting is valid",
      declaration: "GatewayConfigSchema",
      path: "src/config/zod-schema.gateway.ts",
      present: "{sessionScopedEvents: $schema}:property",
      change(code) {
        // `z.boolean()` in the sources, `boolean()` in the bundle: as this one has it.
        const flag = code.one("{allowRealIpFallback: $schema}:property");
        code.before(
          flag.node,
          `
          /**
           * Deliver session events (chat, agent and session.* events) only to connections that have
           * subscribed to the session. Default: false (clients opt in by capability).
           */
          sessionScopedEvents: ${code.text(flag.captures.get("$schema")!)},`,
        );
      },
    },
    {
      what: "the setting has a type",
      declaration: "GatewayConfig",
      path: "src/config/types.gateway.ts",
      typesOnly: true,
      present: /sessionScopedEvents\?: boolean/,
      change(code) {
        addMember(
          code,
          code.declaration,
          "allowRealIpFallback",
          `
          /** Deliver session events only to connections that have subscribed to the session (default: false). */
          sessionScopedEvents?: boolean;`,
        );
      },
    },
    {
      what: "the setting has a label",
      declaration: "GATEWAY_FIELD_LABELS",
      path: "src/config/schema.gateway-labels.ts",
      present: '{"gateway.sessionScopedEvents": $label}:property',
      change: (code) =>
        code.before(
          code.one('{"gateway.customBindHost": $label}:property').node,
          '"gateway.sessionScopedEvents": "Gateway Session-Scoped Events",',
        ),
    },
    {
      what: "the setting has a help text",
      declaration: "CORE_FIELD_HELP",
      path: "src/config/schema.help.core.ts",
      present: '{"gateway.sessionScopedEvents": $help}:property',
      change: (code) =>
        code.before(
          code.one('{"gateway.customBindHost": $help}:property').node,
          `
          "gateway.sessionScopedEvents":
            "Deliver chat, agent and session.* events only to connections that have subscribed to the session (default: false). chat.send, chat.history and chat.startup subscribe implicitly; other clients call sessions.messages.subscribe. It keeps clients from receiving what they did not ask for; it is not authorization: any operator can subscribe to any session that it may read.",`,
        ),
    },
  ],
};
