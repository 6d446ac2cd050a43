/** A plugin that sends what it is told to. */
let events;

function register(api) {
  api.registerService({
    id: "scene-plugin",
    start(context) {
      events = context?.gatewayEvents;
    },
  });
  const emit = ({ params, respond }) => {
    if (!events)
      return respond(false, undefined, { code: "UNAVAILABLE", message: "plugins of this release send no events" });
    events.emit(params.event, params.payload, { scope: "operator.read" });
    respond(true, {});
  };
  api.registerGatewayMethod("scene.emit", emit, { scope: "operator.write", profileAccess: "independent" });
}

export default { id: "scene-plugin", name: "Scene", register };
