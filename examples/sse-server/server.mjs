/**
 * A chat backend in plain node:http. Browsers POST a message and read the reply as server-sent events; a second
 * endpoint stops a run. The gateway's token stays on this side.
 *
 *   OPENCLAW_GATEWAY_URL=ws://127.0.0.1:18789 OPENCLAW_TOKEN_FILE=/run/secrets/openclaw node server.mjs
 *
 *   POST /chat   {"message": "…"}  -> text/event-stream; the run's id is in the header x-run-id
 *   POST /stop   {"runId": "…"}    -> {"stopped": true}
 */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClientError, connect } from "openclaw-event-isolation/client";

const MAX_BODY = 64 * 1024;

const client = await connect({
  url: process.env.OPENCLAW_GATEWAY_URL ?? "ws://127.0.0.1:18789",
  tokenFile: process.env.OPENCLAW_TOKEN_FILE,
});

/** Runs that go on, with whose they are: nobody stops another user's run. */
const runs = new Map();

/** Put your own login here. A session key must never come from the browser. */
function userOf(request) {
  const user = request.headers["x-user"];
  return typeof user === "string" && /^[a-z0-9-]{1,40}$/.test(user) ? user : undefined;
}

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MAX_BODY) throw new SyntaxError("too long");
  }
  return JSON.parse(text);
}

function answer(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function chat(user, { message }, response) {
  const run = client.chat({ sessionKey: `agent:main:web:${user}`, message });
  runs.set(run.runId, { user, run });
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-run-id": run.runId,
  });
  response.flushHeaders();
  try {
    // When the browser goes away, the pipeline cancels the stream, and that aborts the run.
    await pipeline(Readable.fromWeb(run.toSSE()), response);
  } finally {
    runs.delete(run.runId);
  }
}

async function stop(user, { runId }, response) {
  const found = runs.get(runId);
  if (found?.user !== user) {
    answer(response, 404, { stopped: false });
    return;
  }
  await found.run.abort();
  answer(response, 200, { stopped: true });
}

const routes = { "POST /chat": chat, "POST /stop": stop };

const server = createServer(async (request, response) => {
  const route = routes[`${request.method} ${request.url}`];
  const user = userOf(request);
  try {
    if (!route) answer(response, 404, { error: "not found" });
    else if (user === undefined) answer(response, 401, { error: "who are you?" });
    else await route(user, await bodyOf(request), response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else if (error instanceof ClientError && error.kind !== "invalid-argument") answer(response, 502, error);
    else answer(response, 400, { error: "bad request" });
  }
});

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

process.once("SIGTERM", async () => {
  server.close();
  server.closeAllConnections();
  await client.close();
});
