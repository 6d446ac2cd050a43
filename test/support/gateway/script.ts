/**
 * What the scripted model shall answer, written as a directive in the user's message:
 *
 *   [[say id=ALPHA n=12 delay=20]]         12 chunks, 20 ms apart: `ALPHA-0 ALPHA-1 … ALPHA-11`
 *   [[say id=ALPHA n=3 think=2]]           reasoning first, `ALPHA~0 ALPHA~1`, then the chunks
 *   [[tool id=X cmd="echo hi" n=3]]        a call of `exec` first, then `X-0 X-1 X-2`
 *   [[tool id=X cmd="sleep 9" background]] the same with `background: true`
 *   [[tool id=X cmd="echo @" times=9 n=1]] nine calls at once, with @ as their number
 *   [[text id=X value="HEARTBEAT_OK"]]     that text in one chunk
 *   [[error id=X status=400]]              an HTTP error
 *   [[spawn id=X child=Y n=4]]             a call of `sessions_spawn` whose task makes the model say Y
 *   [[history id=X of="agent:main:b"]]     a call of `sessions_history` for that session
 *
 * Inside of a directive another one is written with round brackets: `((say id=Y))`.
 * The last directive of a message counts. `slow` is another word for `say`.
 */
export type Script =
  | {
      readonly kind: "say";
      readonly id: string;
      readonly chunks: readonly string[];
      readonly delayMs: number;
      readonly reasoning?: readonly string[];
    }
  | {
      readonly kind: "tool";
      readonly id: string;
      readonly tool: "exec" | "sessions_spawn" | "sessions_history";
      readonly args: Readonly<Record<string, unknown>>;
      /** Calls at once; `@` in their arguments is the number of each. */
      readonly times: number;
      readonly chunks: readonly string[];
      readonly delayMs: number;
    }
  | { readonly kind: "error"; readonly id: string; readonly status: number };

/** The script in a message, or undefined if it holds no directive. */
export function scriptOf(text: string): Script | undefined {
  const found = [
    ...text.matchAll(/(?:\[\[|\(\()(say|slow|tool|text|error|spawn|history)\b((?:[^\])"]|"[^"]*")*)(?:\]\]|\)\))/g),
  ].at(-1);
  if (!found) return undefined;
  const verb = found[1] ?? "";
  const fields = fieldsOf(found[2] ?? "");
  const id = fields.get("id") ?? "";
  const delayMs = numberOf(fields, "delay", 20);
  const chunks = wordsOf(id, numberOf(fields, "n", 12));
  if (verb === "error") return { kind: "error", id, status: numberOf(fields, "status", 400) };
  if (verb === "text") return { kind: "say", id, chunks: [fields.get("value") ?? ""], delayMs };
  if (verb === "tool") {
    const background = fields.has("background") ? { background: true } : {};
    return {
      kind: "tool",
      id,
      tool: "exec",
      args: { command: fields.get("cmd") ?? "true", ...background },
      times: numberOf(fields, "times", 1),
      chunks,
      delayMs,
    };
  }
  if (verb === "spawn") {
    const task = `((say id=${fields.get("child") ?? ""} n=${chunks.length}))`;
    return { kind: "tool", id, tool: "sessions_spawn", args: { task }, times: 1, chunks, delayMs };
  }
  if (verb === "history") {
    const args = { sessionKey: fields.get("of") ?? "" };
    return { kind: "tool", id, tool: "sessions_history", args, times: 1, chunks, delayMs };
  }
  const reasoning = wordsOf(`${id}~`, numberOf(fields, "think", 0)).map((word) => word.replace("~-", "~"));
  return { kind: "say", id, chunks, delayMs, ...(reasoning.length > 0 ? { reasoning } : {}) };
}

/** The chunks of an answer, `ID-0`, ` ID-1`, …: the space goes in front, so that no release trims the text's end. */
export function wordsOf(id: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i === 0 ? "" : " "}${id}-${i}`);
}

function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [, name = "", quoted, bare] of text.matchAll(/(\w+)(?:=(?:"([^"]*)"|(\S+)))?/g)) {
    fields.set(name, quoted ?? bare ?? "");
  }
  return fields;
}

function numberOf(fields: Map<string, string>, name: string, fallback: number): number {
  const value = Number(fields.get(name) ?? fallback);
  return Number.isFinite(value) ? value : fallback;
}
