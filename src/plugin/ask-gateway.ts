/** Asks the running gateway for its status, by OpenClaw's own `gateway call`: it knows address and credentials. */
import { reasonOf } from "../attach/log.ts";
import { type IsolationStatus, STATUS_METHOD } from "../status.ts";
import type { PluginRuntime } from "./api.ts";
import { MESSAGES } from "../messages.ts";

/** For the gateway's answer. */
const ANSWER_MS = 20_000;
/** For the whole call: OpenClaw's command needs half a minute to start on a machine with too much to do. */
const CALL_MS = 60_000;

/** The status of the configured gateway, or one line that says why it is missing. */
export async function askGateway(runtime: PluginRuntime): Promise<{ status: IsolationStatus } | { problem: string }> {
  const [node, script] = process.argv;
  const call = [node!, script!, "gateway", "call", STATUS_METHOD, "--json", "--timeout", String(ANSWER_MS)];
  try {
    const { stdout, stderr } = await runtime.system.runCommandWithTimeout(call, { timeoutMs: CALL_MS });
    const parsed = jsonIn(stdout);
    return isStatus(parsed) ? { status: parsed } : { problem: problemIn(parsed, `${stderr}\n${stdout}`) };
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

/** Some releases print notes before the JSON. */
function jsonIn(stdout: string): unknown {
  try {
    return JSON.parse(stdout.slice(Math.max(0, stdout.search(/^\{/m))));
  } catch {
    return undefined;
  }
}

function isStatus(value: unknown): value is IsolationStatus {
  const { attached, seams } = (value ?? {}) as Partial<IsolationStatus>;
  return typeof attached === "boolean" && Array.isArray(seams);
}

/** One line of what a failed call printed. */
function problemIn(parsed: unknown, output: string): string {
  if (output.includes(`unknown method: ${STATUS_METHOD}`)) return MESSAGES.pluginNotLoaded;
  const { error } = (parsed ?? {}) as { error?: { message?: unknown } }; // 2026.9
  const lines = output.split("\n").map((line) => line.trim());
  const line = error?.message ?? lines.find((each) => /error|fail/i.test(each)) ?? lines.find(Boolean) ?? "no output";
  return MESSAGES.noAnswer(String(line));
}
