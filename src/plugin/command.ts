/** `openclaw isolation`. */
import { describeStatus } from "../status.ts";
import type { PluginApi } from "./api.ts";
import { askGateway } from "./ask-gateway.ts";
import { ISOLATION_COMMAND } from "./manifest.ts";

/** Registers `openclaw isolation status [--json]`; exit code 1 if the gateway does not answer or is unprotected. */
export function registerCommand(api: PluginApi): void {
  const { name } = ISOLATION_COMMAND;
  api.registerCli(
    ({ program }) => {
      program
        .command(name)
        .description(ISOLATION_COMMAND.description)
        .command("status")
        .description("Show what the module in the running gateway is attached to, and its counters")
        .option("--json", "print JSON")
        .action(async ({ json }) => {
          const answer = await askGateway(api.runtime);
          if ("problem" in answer) {
            console.error(`[event-isolation] ${answer.problem}`);
            process.exitCode = 1;
            return;
          }
          // Not by the console: with --json, 2026.9 keeps the console's output away from stdout.
          process.stdout.write(`${json ? JSON.stringify(answer.status, null, 2) : describeStatus(answer.status)}\n`);
          if (!answer.status.attached) process.exitCode = 1;
        });
    },
    { commands: [name], descriptors: [ISOLATION_COMMAND] },
  );
}
