/** Records every event of one connection, and answers what tests ask about them. */
import { textOf } from "../gateway/chat-request.ts";
import { PATIENCE_MS } from "../gateway/patience.ts";

export type RecordedFrame = {
  readonly at: number;
  readonly event: string;
  readonly payload: unknown;
  readonly seq: number | undefined;
  /** The whole event as JSON text: as received on a raw connection, rebuilt on an official one. */
  readonly json: string;
};

export type Predicate = (frame: RecordedFrame) => boolean;

export type Recorder = {
  readonly frames: RecordedFrame[];
  add(frame: RecordedFrame): void;
  waitFor(predicate: Predicate, timeoutMs: number, what: string): Promise<RecordedFrame>;
  final(runId: string, timeoutMs?: number): Promise<RecordedFrame>;
  text(runId: string): string;
  gaps(): number;
  repeats(): number;
  eventsWith(text: string): RecordedFrame[];
};

/** Makes the recorder of one connection; `name` is for error texts. */
export function createRecorder(name: string): Recorder {
  const frames: RecordedFrame[] = [];
  const waiting = new Set<(frame: RecordedFrame) => void>();

  function add(frame: RecordedFrame): void {
    frames.push(frame);
    for (const listener of waiting) listener(frame);
  }

  function waitFor(predicate: Predicate, timeoutMs: number, what: string): Promise<RecordedFrame> {
    const found = frames.find(predicate);
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(listener);
        reject(new Error(`${name} waited ${timeoutMs} ms for ${what}; it saw ${summaryOf(frames)}`));
      }, timeoutMs);
      const listener = (frame: RecordedFrame): void => {
        if (!predicate(frame)) return;
        clearTimeout(timer);
        waiting.delete(listener);
        resolve(frame);
      };
      waiting.add(listener);
    });
  }

  return {
    frames,
    add,
    waitFor,
    final: (runId, timeoutMs = PATIENCE_MS) =>
      waitFor((frame) => isFinal(frame, runId), timeoutMs, `the end of run ${runId}`),
    text: (runId) => chatText(frames.find((frame) => isFinal(frame, runId))),
    gaps: () => steps(frames).filter((step) => step > 1).length,
    repeats: () => steps(frames).filter((step) => step < 1).length,
    eventsWith: (text) => frames.filter((frame) => frame.json.includes(text)),
  };
}

/** A field of a frame's payload, or undefined. */
export function field(frame: RecordedFrame | undefined, name: string): unknown {
  const payload = frame?.payload;
  return typeof payload === "object" && payload !== null ? (payload as Record<string, unknown>)[name] : undefined;
}

/** The text of a `chat` frame's message. */
export function chatText(frame: RecordedFrame | undefined): string {
  const message = field(frame, "message");
  return typeof message === "object" && message !== null && "content" in message ? textOf(message.content) : "";
}

/** Whether a frame ends a run: `chat` with state final, aborted or error. */
export function isFinal(frame: RecordedFrame, runId: string): boolean {
  const state = field(frame, "state");
  return (
    frame.event === "chat" &&
    field(frame, "runId") === runId &&
    (state === "final" || state === "aborted" || state === "error")
  );
}

function steps(frames: readonly RecordedFrame[]): number[] {
  const numbers = frames.flatMap((frame) => (frame.seq === undefined ? [] : [frame.seq]));
  return numbers.slice(1).map((seq, i) => seq - (numbers[i] ?? 0));
}

function summaryOf(frames: readonly RecordedFrame[]): string {
  if (frames.length === 0) return "no events";
  const counts = new Map<string, number>();
  for (const frame of frames) {
    const state = field(frame, "state");
    const label = typeof state === "string" ? `${frame.event}:${state}` : frame.event;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const last = frames.at(-1)?.json.slice(0, 300) ?? "";
  return `${[...counts].map(([label, count]) => `${count} ${label}`).join(", ")}; last: ${last}`;
}
