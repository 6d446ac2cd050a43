/**
 * Preload for a gateway under test: a machine whose clock is set while it runs. `node --import` runs it as
 * it is. What counts from the start of the process, `performance.now()` and timers, goes on as ever.
 *
 * On 127.0.0.1 at the port in OPENCLAW_TEST_CLOCK_PORT, `GET /?hours=-6` sets the clock to six hours before
 * the machine's own.
 */
import { createServer } from "node:http";
import { isMainThread } from "node:worker_threads";

const port = Number(process.env["OPENCLAW_TEST_CLOCK_PORT"]);
if (port && isMainThread && process.argv[2] === "gateway") {
  const now = Date.now.bind(Date);
  let offset = 0;
  Date.now = () => now() + offset;
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now() + offset] : args, newTarget) as Date,
    apply: () => new Date().toString(),
  });
  createServer((request, response) => {
    offset = Number(new URL(request.url ?? "/", "http://localhost").searchParams.get("hours")) * 3_600_000;
    response.setHeader("connection", "close").end(new Date().toISOString());
  })
    .listen(port, "127.0.0.1")
    .unref();
}
