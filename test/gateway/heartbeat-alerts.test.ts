/** What a heartbeat has to say is delivered as the release as published does it, and to nobody else. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, onTestFinished, test } from "vitest";
import { isolationRegister, openBed, type OpenBed } from "../support/bed.ts";
import { type Channel, channelOptions, channelReady, startChannel } from "../support/channel.ts";
import { type Client, field, type RecordedFrame } from "../support/clients.ts";
import { MAIN_SESSION, visibilityKey } from "../support/heartbeat-scene.ts";
import { chatText } from "../support/recorder.ts";
import { compareVersions } from "../support/release.ts";

const { release } = inject("isolated");
/** With acks shown, 2026.2 sends the texts of heartbeats as chat too. */
const showsChat = compareVersions(release.version, "2026.4.0") < 0;

interface Visibility {
  readonly showOk: boolean;
  readonly showAlerts: boolean;
}

const SCENES = [
  { during: true, answer: "ALERT" },
  { during: true, answer: "HEARTBEAT_OK" },
  { during: false, answer: "ALERT" },
  { during: false, answer: "HEARTBEAT_OK" },
] as const;

/** What one client saw of one heartbeat. */
interface Seen {
  /** Texts of the chat finals, each as often as it came. */
  readonly finals: readonly string[];
  /** Chat and agent frames with anything of the heartbeat. */
  readonly frames: number;
  /** Status and, of the private part, preview and recipient of the `heartbeat` events. */
  readonly events: readonly { status: unknown; preview: unknown; to: unknown }[];
}

interface Observed {
  readonly scene: string;
  readonly delivered: readonly string[];
  readonly claimers: readonly Seen[];
  readonly others: readonly Seen[];
}

/** A gateway whose heartbeats deliver to a channel, and what its clients see of each scene. */
async function observe(visibility: Visibility, preload: string | undefined): Promise<Observed[]> {
  const channel = await startChannel(release);
  onTestFinished(() => channel.close());
  const bed = await openBed(release, {
    ...channelOptions(channel, {
      agents: { defaults: { heartbeat: { every: "30m", target: channel.name, to: channel.friend } } },
      channels: { defaults: { [visibilityKey(release)]: visibility } },
    }),
    preload,
  });
  onTestFinished(() => bed.close());
  await channelReady(channel, bed);
  const user = await bed.connect({ name: "user" });
  const second = await bed.connect({ name: "second" });
  for (const client of [user, second]) await client.request("chat.history", { sessionKey: MAIN_SESSION });
  const elsewhere = await bed.connect({ name: "elsewhere" });
  await elsewhere.request("chat.history", { sessionKey: "agent:main:elsewhere" });
  const bystander = await bed.connectRaw({ name: "bystander", scopes: ["operator.read"] });

  const observed = [];
  for (const [index, { during, answer }] of SCENES.entries()) {
    const text = answer === "ALERT" ? `ALERT${index}` : answer;
    const mark = [user, second, elsewhere, bystander].map(({ frames }) => frames.length);
    const sentBefore = channel.sent.length;
    await play(bed, user, { during, text, id: `U${index}` });
    const seen = [user, second, elsewhere, bystander].map((client, at) => seenBy(client, mark[at]!));
    observed.push({
      scene: `${text} ${during ? "during" : "outside"}`,
      delivered: textsOf(channel, sentBefore),
      claimers: seen.slice(0, 2),
      others: seen.slice(2),
    });
  }
  return observed;
}

function textsOf(channel: Channel, from: number): string[] {
  // The first alert to a friend may have a preamble.
  return channel.sent.slice(from).map(({ text }) => /ALERT\d|HEARTBEAT_OK/.exec(text)?.[0] ?? text);
}

/** A user's message, and in its run or some time after it a wake; until the heartbeat has come to its end. */
async function play(
  bed: OpenBed,
  user: Client,
  { during, text, id }: { during: boolean; text: string; id: string },
): Promise<void> {
  bed.model.otherwise = () => ({ kind: "say", id: "HEARTBEAT", chunks: [text], delayMs: 100 });
  const from = user.frames.length;
  const { runId } = await user.chat(MAIN_SESSION, `[[say id=${id} n=${during ? 12 : 2} delay=80]]`);
  if (during) await bed.model.waitFor(id);
  else {
    await user.final(runId);
    await sleep(700);
  }
  await user.request("wake", { mode: "now", text: `EVENT${id}` });
  await user.final(runId);
  await user.waitFor(
    (frame) => user.frames.indexOf(frame) >= from && isOutcome(frame),
    40_000,
    `the outcome of the heartbeat beside ${id}`,
  );
  await sleep(700);
}

/** Not one that says that the heartbeat is put off. */
function isOutcome(frame: RecordedFrame): boolean {
  const reason = field(frame, "reason");
  return frame.event === "heartbeat" && reason !== "requests-in-flight" && reason !== "preempted";
}

function seenBy(client: Client, from: number): Seen {
  const frames = client.frames.slice(from);
  const texts = frames.filter(({ event, json }) => /^(?:chat|agent)$/.test(event) && /ALERT\d|HEARTBEAT_OK/.test(json));
  return {
    finals: texts.filter((frame) => field(frame, "state") === "final").map((frame) => chatText(frame)),
    frames: texts.length,
    events: frames.filter(isOutcome).map((frame) => ({
      status: field(frame, "status"),
      preview: field(frame, "preview"),
      to: field(frame, "to"),
    })),
  };
}

/** What upstream's settings promise, whatever either gateway did. */
function promised(scene: string, { showOk, showAlerts }: Visibility): readonly string[] {
  const [text] = scene.split(" ");
  return (text === "HEARTBEAT_OK" ? showOk : showAlerts) ? [text!] : [];
}

test.each([
  { showOk: false, showAlerts: false },
  { showOk: false, showAlerts: true },
  { showOk: true, showAlerts: false },
  { showOk: true, showAlerts: true },
])(
  "alerts and acks with %j reach the channel and the session's clients as published, once, and nobody else",
  async (visibility) => {
    const [plain, isolated] = await Promise.all([
      observe(visibility, undefined),
      observe(visibility, isolationRegister()),
    ]);
    expect(isolated).toHaveLength(SCENES.length);
    for (const [index, published] of plain.entries()) {
      const { scene, delivered, claimers, others } = isolated[index]!;
      const { status } = claimers[0]!.events[0]!;
      const nothing = { finals: [], frames: 0, events: [{ status, preview: undefined, to: undefined }] };
      // As published all see the same; with the module all others see no more than that there was a heartbeat.
      expect(published).toEqual({
        scene,
        delivered: promised(scene, visibility),
        claimers: published.claimers,
        others: published.claimers,
      });
      expect({ scene, delivered, claimers, others }).toEqual({
        scene,
        delivered: published.delivered,
        claimers: published.claimers,
        others: [nothing, nothing],
      });
      expect({ scene, finals: claimers[0]!.finals, events: claimers[0]!.events.length }).toEqual({
        scene,
        finals: visibility.showOk && showsChat ? [scene.split(" ")[0]] : [],
        events: 1,
      });
    }
    const previews = plain.flatMap(({ others }) => others.flatMap(({ events }) => events.map((each) => each.preview)));
    expect(previews.filter((preview) => preview !== undefined)).not.toHaveLength(0);
  },
  200_000,
);
