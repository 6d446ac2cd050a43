/** Asks the running gateway for its status, by OpenClaw's own `gateway call`: it knows address and credentials. */
import { reasonOf } from "../host/messages.ts";
import { type IsolationStatus, STATUS_METHOD } from "../status.ts";
import type { PluginRuntime } from "./api.ts";

const TIMEOUT_MS = 20_000;

/** The status of the configured gateway, or in one line why there is none. */
export async function askGateway(runtime: PluginRuntime): Promise<{ status: IsolationStatus } | { problem: string }> {
  const [node, script] = process.argv;
  const call = [node!, script!, "gateway", "call", STATUS_METHOD, "--json", "--timeout", String(TIMEOUT_MS / 2)];
  try {
    const { stdout, stderr } = await runtime.system.runCommandWithTimeout(call, { timeoutMs: TIMEOUT_MS });
    const status = statusIn(stdout);
    return status ? { status } : { problem: problemIn(`${stderr}\n${stdout}`) };
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

/** Some releases print notes before the JSON. */
function statusIn(stdout: string): IsolationStatus | undefined {
  const start = stdout.search(/^\{/m);
  if (start === -1) return undefined;
  try {
    const parsed = JSON.parse(stdout.slice(start)) as Partial<IsolationStatus>;
    return typeof parsed.attached === "boolean" && Array.isArray(parsed.seams)
      ? (parsed as IsolationStatus)
      : undefined;
  } catch {
    return undefined;
  }
}

function problemIn(output: string): string {
  if (output.includes(`unknown method: ${STATUS_METHOD}`)) {
    return "the gateway has not loaded this plugin; restart it";
  }
  const lines = output.split("\n").map((line) => line.trim());
  const line = lines.find((each) => /error|refused|fail|close|missing|unauthor/i.test(each)) ?? lines.find(Boolean);
  return `the gateway did not answer: ${line ?? "no output"}`;
}
