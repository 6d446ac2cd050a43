/** `run`: starts the installed openclaw with the module. */
import { Command } from "commander";
import { registerUrl } from "../attach/preload.ts";
import { settingsProblem } from "./doctor-config.ts";
import { EXIT, Failure } from "./failure.ts";
import { addOpenclawOption, findOpenclaw } from "./find-openclaw.ts";
import { become } from "./launch.ts";
import { isOldNode, nodeVersion, OLDEST_NODE } from "./node-version.ts";
import { MESSAGES } from "./messages.ts";

export function runSubcommand(): Command {
  const command = new Command("run")
    .summary("start the installed openclaw with the module")
    .description(
      "Starts the installed openclaw with the module loaded. The gateway takes this process's place: signals, input, output and the exit code are its own (78: the module could not attach, or a setting is wrong).",
    )
    .argument("[args...]", 'arguments of openclaw (default: "gateway run")')
    .option("--node <file>", "Node.js executable that runs openclaw (default: the one that runs this command)")
    .passThroughOptions()
    .addHelpText("after", "\nExample:\n  $ openclaw-event-isolation run -- gateway run --port 18789");
  addOpenclawOption(command);
  return command.action(async (args: string[], options: { openclaw?: string; node?: string }) => {
    const { entry } = findOpenclaw(options.openclaw);
    const node = options.node ?? process.execPath;
    const version = nodeVersion(node);
    if (isOldNode(version)) {
      throw new Failure(MESSAGES.oldNodeToRun(version, node, OLDEST_NODE), { exitCode: EXIT.config });
    }
    const started = args.length > 0 ? args : ["gateway", "run"];
    // Options before the command, and --dev, choose another configuration.
    const asConfigured = started[0] === "gateway" && started[1] === "run" && !started.includes("--dev");
    const problem = asConfigured ? settingsProblem(process.env) : undefined;
    if (problem !== undefined) throw new Failure(problem, { exitCode: EXIT.config });
    await become(node, [`--import=${registerUrl()}`, entry, ...started]);
  });
}
