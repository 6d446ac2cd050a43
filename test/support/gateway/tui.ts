/** OpenClaw's own terminal UI, in a terminal and behind a wire that is listened to. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startFrameProxy } from "../wire/frame-proxy.ts";
import type { Gateway } from "./gateway.ts";
import { ARTIFACTS, until } from "./watch.ts";
import { openTerminal } from "./terminal.ts";
import { isObject, type WireLog } from "../wire/wire-log.ts";
import { within } from "../within.ts";

const START_MS = 90_000;

export interface Tui {
  readonly wire: WireLog;
  screen(): Promise<string>;
  say(message: string): void;
  /** Escape: aborts the run. */
  abort(): void;
  /** Loses the connection, once. */
  cut(): void;
  /** Ctrl-C twice: ends it. @returns its exit code */
  quit(): Promise<number | null>;
  /** Keeps what is shown as an artefact. */
  shot(step: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts `openclaw tui` on a session, in a home of its own; resolves once it shows the session's history. */
export async function openTui(gateway: Gateway, sessionKey: string): Promise<Tui> {
  const home = await mkdtemp(join(tmpdir(), "openclaw-tui-"));
  const proxy = await startFrameProxy(gateway.url);
  const terminal = openTerminal(
    [
      process.execPath,
      gateway.release.entry,
      "tui",
      `--url=${proxy.url}`,
      `--token=${gateway.token}`,
      `--session=${sessionKey}`,
    ],
    { HOME: home, OPENCLAW_STATE_DIR: home, OPENCLAW_NO_RESPAWN: "1" },
  );
  const tui: Tui = {
    wire: proxy.wire,
    screen: terminal.screen,
    say: (message) => terminal.type(`${message}\r`),
    abort: () => terminal.type("\u001b"),
    cut: () => proxy.cut(),
    async quit() {
      terminal.type("\u0003");
      await sleep(300);
      terminal.type("\u0003");
      return within(terminal.ended, "the TUI ends");
    },
    async shot(step) {
      await mkdir(ARTIFACTS, { recursive: true });
      await writeFile(join(ARTIFACTS, `tui-${gateway.release.version}-${step}.txt`), `${await terminal.screen()}\n`);
    },
    async close() {
      await terminal.close();
      await proxy.close();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await until(() => Promise.resolve(hasHistory(proxy.wire)), "the TUI has its session's history", START_MS);
  } catch (error) {
    const shown = await terminal.screen();
    await tui.close();
    throw new Error(`${(error as Error).message}; it shows\n${shown}`, { cause: error });
  }
  return tui;
}

function hasHistory({ entries }: WireLog): boolean {
  const asked = new Set(
    entries.filter(({ frame }) => frame["method"] === "chat.history").map(({ frame }) => frame["id"]),
  );
  return entries.some(({ frame }) => frame["ok"] === true && asked.has(frame["id"]) && isObject(frame["payload"]));
}
