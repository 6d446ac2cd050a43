/** A program in a pseudo-terminal, and what its screen shows. */
import { spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import xterm from "@xterm/headless";
import { descendantsOf, killAll } from "./process-tree.ts";

const SIZE = { cols: 120, rows: 40 };

export interface Terminal {
  /** The lines of the screen, and those that have scrolled out of it. */
  screen(): Promise<string>;
  /** Sends keys; `\r` is Enter, `\x1b` is Escape. */
  type(keys: string): void;
  /** The exit code of the program, once it has ended. */
  readonly ended: Promise<number | null>;
  close(): Promise<void>;
}

/** Why no program can be run in a pseudo-terminal on this machine, or undefined if one can. */
export function noTerminal(): string | undefined {
  const { stdout } = spawnSync("script", ["--version"], { encoding: "utf8", timeout: 10_000 });
  // The `script` of other systems takes other arguments.
  return stdout?.includes("util-linux") ? undefined : "SKIPPED: there is no `script` of util-linux, and so no terminal";
}

/** Starts a program in a pseudo-terminal; the caller closes it. Ask {@link noTerminal} first. */
export function openTerminal(command: readonly string[], env: Readonly<Record<string, string>>): Terminal {
  const screen = new xterm.Terminal({ ...SIZE, scrollback: 2000, allowProposedApi: true });
  const sized = `stty cols ${SIZE.cols} rows ${SIZE.rows}; exec ${command.map(quoted).join(" ")}`;
  const child = spawn("script", ["--quiet", "--flush", "--return", "--command", sized, "/dev/null"], {
    env: { PATH: process.env["PATH"] ?? "", SHELL: "/bin/sh", TERM: "xterm-256color", LANG: "C.UTF-8", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stdout.on("data", (data: Buffer) => screen.write(data));
  child.stdin.on("error", () => undefined);
  // What a program asks its terminal (where is the cursor, which colours), the terminal answers.
  screen.onData((answer) => child.stdin.write(answer));
  return {
    screen: () =>
      new Promise((resolve) =>
        screen.write("", () => {
          const { buffer } = screen;
          const lines = Array.from({ length: buffer.active.length }, (_, row) =>
            buffer.active.getLine(row)?.translateToString(true),
          );
          resolve(lines.join("\n").trimEnd());
        }),
      ),
    ended,
    type: (keys) => void child.stdin.write(keys),
    async close() {
      if (child.pid !== undefined) killAll([...descendantsOf(child.pid), child.pid]);
      await Promise.race([ended, sleep(5000, undefined, { ref: false })]);
      screen.dispose();
    },
  };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
