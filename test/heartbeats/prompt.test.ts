/** The part of a heartbeat's prompt that the model gets and the transcript does not show. */
import { beforeEach, describe, expect, test } from "vitest";
import { GuardScene, RAN } from "./guard-scene.ts";

const POLL = "[OpenClaw heartbeat poll]";
const PROMPT = "System: [09:00] Exec completed (brave-fox, code 0) :: built\n\nRead HEARTBEAT.md";

let scene: GuardScene;

beforeEach(() => {
  scene = new GuardScene().begin();
});

type Prompt = { readonly effectivePrompt?: unknown; readonly transcriptPrompt?: unknown };

/** As 2026.6.11: the part of the prompt outside the transcript's text is context; without that text nothing is. */
function split({ effectivePrompt, transcriptPrompt }: Prompt): object {
  const rest = String(effectivePrompt).split(String(transcriptPrompt));
  const runtimeContext = rest.length > 1 ? rest.join("").trim() : "";
  return { prompt: transcriptPrompt ?? effectivePrompt, ...(runtimeContext === "" ? {} : { runtimeContext }) };
}

async function inHeartbeat(prompt: Prompt, original = split): Promise<unknown> {
  const parts = scene.replaced("resolveRuntimeContextPromptParts", (params) => original(params as Prompt));
  let found: unknown;
  await scene.heartbeat(() => {
    found = parts(prompt);
    return Promise.resolve(RAN);
  });
  return found;
}

describe("the prompt of a heartbeat", () => {
  test("a prompt that the release drops is hidden context, with the events in it", async () => {
    expect(await inHeartbeat({ effectivePrompt: `${PROMPT}\n`, transcriptPrompt: POLL })).toEqual({
      prompt: POLL,
      runtimeContext: PROMPT,
    });
  });

  test("a prompt that holds the text of the transcript is left to the release", async () => {
    expect(await inHeartbeat({ effectivePrompt: `${PROMPT}\n${POLL}`, transcriptPrompt: POLL })).toEqual({
      prompt: POLL,
      runtimeContext: PROMPT,
    });
    expect(await inHeartbeat({ effectivePrompt: POLL, transcriptPrompt: POLL })).toEqual({ prompt: POLL });
  });

  test("a prompt that is shown as it is stays so", async () => {
    expect(await inHeartbeat({ effectivePrompt: PROMPT })).toEqual({ prompt: PROMPT });
  });

  test("context that the release has found itself is kept", async () => {
    const own = { prompt: POLL, runtimeContext: "its own" };
    expect(await inHeartbeat({ effectivePrompt: PROMPT, transcriptPrompt: POLL }, () => own)).toBe(own);
  });

  test("a prompt that the release gives to the model alone is left to the release", async () => {
    const own = { prompt: POLL, modelPrompt: PROMPT, runtimeContext: undefined };
    expect(await inHeartbeat({ effectivePrompt: PROMPT, transcriptPrompt: POLL }, () => own)).toBe(own);
  });

  test("values that are not as expected pass", async () => {
    expect(await inHeartbeat({ effectivePrompt: 1, transcriptPrompt: POLL }, () => ({ prompt: POLL }))).toEqual({
      prompt: POLL,
    });
  });

  test("the prompt of a user's run is left to the release", () => {
    const parts = scene.replaced("resolveRuntimeContextPromptParts", (params) => split(params as Prompt));
    expect(parts({ effectivePrompt: PROMPT, transcriptPrompt: POLL })).toEqual({ prompt: POLL });
  });
});
