/** 2026.5: a user's message aborts the heartbeat that runs on its session, which is run again later. */
import { ts } from "@ts-morph/common";
import { AnchorError, type Patch } from "../lib/codemod.ts";

const upstream = (file: string): URL => new URL(`upstream/${file}`, import.meta.url);
const PREEMPTION = "src/auto-reply/heartbeat-preemption.ts";

export const patch: Patch = {
  name: "06-heartbeat-preemption",
  title: "fix(heartbeat): let a message abort the heartbeat of its session",
  // From 2026.8.
  resolvedBy: ["preemptAndDrainEmbeddedHeartbeatRun"],
  files: { [PREEMPTION]: upstream("heartbeat-preemption.ts") },
  tests: { "src/auto-reply/heartbeat-preemption.test.ts": upstream("heartbeat-preemption.test.ts") },
  edits: [
    {
      what: "a heartbeat can be aborted, and is asked for again",
      declaration: "runHeartbeatOnce",
      path: "src/infra/heartbeat-runner.ts",
      present: "runPreemptibleHeartbeat($$$)",
      imports: { runPreemptibleHeartbeat: PREEMPTION },
      change(code) {
        const { node, captures } = code.one("const replyResult = await $run;");
        const run = captures.get("$run")!;
        if (!ts.isCallExpression(run) || run.arguments.length !== 3)
          throw new AnchorError("the heartbeat's turn is not a call");
        const [context, options, config] = run.arguments.map((argument) => code.text(argument));
        const callee = code.text(run.expression);
        // A name for what is an expression in the bundle.
        const named = ts.isIdentifier(run.expression) ? "" : `const getReply = ${callee};\n`;
        const busy =
          /HEARTBEAT_SKIP_REQUESTS_IN_FLIGHT/.exec(code.text(code.declaration))?.[0] ?? '"requests-in-flight"';
        code.replace(
          node,
          `
          ${named}const heartbeatRun = await runPreemptibleHeartbeat(runSessionKey, (abortSignal) =>
            ${named ? "getReply" : callee}(${context}, { ...${options}, abortSignal }, ${config}),
          );
          if (heartbeatRun.preempted) {
            // Busy: it is asked for again until the message has its answer.
            return { status: "skipped", reason: ${busy} };
          }
          const replyResult = heartbeatRun.result;`,
        );
      },
    },
    {
      what: "a message aborts the heartbeat of its session",
      declaration: "getReplyFromConfig",
      path: "src/auto-reply/reply/get-reply.ts",
      present: "preemptHeartbeat($$$)",
      imports: { preemptHeartbeat: PREEMPTION },
      change(code) {
        code.after(
          code.one("const agentSessionKey = $key;").node,
          `
          if (!opts?.isHeartbeat) {
            await preemptHeartbeat(agentSessionKey);
          }`,
        );
      },
    },
  ],
};
