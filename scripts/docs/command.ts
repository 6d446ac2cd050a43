/** The help of every subcommand, as it is printed. */
import { makeProgram } from "../../src/cli/program.ts";

const WIDTH = 100;

export function commandHelp(): string {
  return makeProgram()
    .commands.map((command) => {
      let help = "";
      command.configureOutput({ getOutHelpWidth: () => WIDTH, writeOut: (text) => void (help += text) });
      command.outputHelp();
      return `### ${command.name()}\n\n\`\`\`\n${help.trimEnd()}\n\`\`\``;
    })
    .join("\n\n");
}
