/** What an event reports about its run. */
import { type Fields, fieldsOf, fieldsOrNone, text } from "./fields.ts";

export type RunSign =
  | "running"
  /** The agent has begun, perhaps once more after an error. */
  | "begins"
  /** The agent is done; its answer may still come. */
  | "ends"
  /** The last event of the run. */
  | "answered"
  /** The same, without an answer: another run may have absorbed the message. */
  | "answered-empty";

/** What an event reports about its run; an event without upstream's words for it counts as part of the run. */
export function runSign(event: string, payload: unknown): RunSign {
  const { state, message, stream, data } = fieldsOrNone(payload);
  if (event === "chat") {
    if (state === "final") return message === undefined || message === null ? "answered-empty" : "answered";
    return state === "error" || state === "aborted" ? "answered" : "running";
  }
  if (event !== "agent" || stream !== "lifecycle") return "running";
  const phase = text(fieldsOf(data)?.["phase"]);
  return phase === "start" ? "begins" : phase === "end" || phase === "error" ? "ends" : "running";
}

/** Whether an event is one of the many in the middle of a run: nothing is built to find out. */
export function isWord(event: string, payload: Fields | undefined): boolean {
  return event === "chat" ? payload?.["state"] === "delta" : event === "agent" && payload?.["stream"] === "assistant";
}
