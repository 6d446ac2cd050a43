/** A heartbeat's messages are delivered as on the control gateway, and to nobody else. */
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, onTestFinished, test, vi } from "vitest";
import { isolationRegister, openBed, type OpenBed } from "../support/gateway/bed.ts";
import { type Channel, channelOptions, channelReady, startChannel } from "../support/gateway/channel.ts";
import { type Client, field, type RecordedFrame } from "../support/wire/clients.ts";
import { type Config, merge } from "../support/gateway/gateway-config.ts";
import { visibilityKey } from "../support/scene/heartbeat-scene.ts";
import { PATIENCE_MS } from "../support/gateway/patience.ts";
import { chatText } from "../support/wire/recorder.ts";
import { capabilities } from "../support/gateway/capabilities.ts";

const { release } = inject("isolated");
const { reloadsHeartbeatVisibility: takesOver, sendsHeartbeatsAsChat } = capabilities(release);

interface Visibility {
  readonly showOk: boolean;
  readonly showAlerts: boolean;
}

const VISIBILITIES: readonly Visibility[] = [
  { showOk: false, showAlerts: false },
  { showOk: false, showAlerts: true },
  { showOk: true, showAlerts: false },
  { showOk: true, showAlerts: true },
];

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

/** A gateway whose heartbeats deliver to a channel. */
interface Place {
  readonly bed: OpenBed;
  readonly channel: Channel;
}

/** On a gateway that is kept, each visibility has an agent: the flood guard delays the sixth heartbeat of a minute. */
const agentOf = ({ showOk, showAlerts }: Visibility): string =>
  takesOver ? `agent-${Number(showOk)}${Number(showAlerts)}` : "main";

const kept = new Map<string | undefined, Place>();

afterAll(async () => {
  await Promise.all([...kept.values()].map(close));
});

async function close({ bed, channel }: Place): Promise<void> {
  await bed.close();
  await channel.close();
}

async function placeWith(visibility: Visibility, preload: string | undefined): Promise<Place> {
  const place = kept.get(preload);
  if (place) {
    await takeOver(place, visibility);
    return place;
  }
  const opened = await open(visibility, preload);
  if (takesOver) kept.set(preload, opened);
  else onTestFinished(() => close(opened));
  return opened;
}

async function open(visibility: Visibility, preload: string | undefined): Promise<Place> {
  const channel = await startChannel(release);
  const heartbeat = { every: "24h", target: channel.name, to: channel.friend };
  const ids = [...new Set(VISIBILITIES.map(agentOf))];
  let bed: OpenBed | undefined;
  try {
    bed = await openBed(release, {
      ...channelOptions(channel, {
        agents: { list: ids.map((id, index) => ({ id, default: index === 0, heartbeat })) },
        channels: { defaults: { [visibilityKey(release)]: visibility } },
      }),
      preload,
    });
    await channelReady(channel, bed);
    return { bed, channel };
  } catch (error) {
    await bed?.close();
    await channel.close();
    throw error;
  }
}

/** Changes the configuration, and waits until the channel has been started with it. */
async function takeOver({ bed: { gateway } }: Place, visibility: Visibility): Promise<void> {
  const from = gateway.logs().length;
  const config = JSON.parse(await readFile(gateway.configPath, "utf8")) as Config;
  const channels = { defaults: { [visibilityKey(release)]: visibility } };
  await writeFile(gateway.configPath, JSON.stringify(merge(config, { channels })));
  const taken = (): void => {
    const logs = gateway.logs().slice(from);
    expect(logs).toContain("config hot reload applied");
    expect(logs).toContain("polling ingress started");
  };
  await vi.waitFor(taken, { timeout: PATIENCE_MS, interval: 100 });
}

/** What the clients of such a gateway see of each scene. */
async function observe(visibility: Visibility, preload: string | undefined): Promise<Observed[]> {
  const { bed, channel } = await placeWith(visibility, preload);
  const sessionKey = `agent:${agentOf(visibility)}:main`;
  const user = await bed.connect({ name: "user" });
  const second = await bed.connect({ name: "second" });
  for (const client of [user, second]) await client.request("chat.history", { sessionKey });
  const elsewhere = await bed.connect({ name: "elsewhere" });
  await elsewhere.request("chat.history", { sessionKey: `agent:${agentOf(visibility)}:elsewhere` });
  const bystander = await bed.connectRaw({ name: "bystander", scopes: ["operator.read"] });
  const clients = [user, second, elsewhere, bystander];

  const observed = [];
  for (const [index, { during, answer }] of SCENES.entries()) {
    // A channel gets no text twice.
    const id = `${Number(visibility.showOk)}${Number(visibility.showAlerts)}${index}`;
    const text = answer === "ALERT" ? `ALERT${id}` : answer;
    const mark = clients.map(({ frames }) => frames.length);
    const sentBefore = channel.sent.length;
    await play(bed, user, { sessionKey, during, text, id: `U${id}` });
    const seen = clients.map((client, at) => seenBy(client, mark[at]!));
    observed.push({
      scene: `${text} ${during ? "during" : "outside"}`,
      delivered: textsOf(channel, sentBefore),
      claimers: seen.slice(0, 2),
      others: seen.slice(2),
    });
  }
  await Promise.all(clients.map((client) => client.close()));
  return observed;
}

function textsOf(channel: Channel, from: number): string[] {
  // The first alert to a friend may have a preamble.
  return channel.sent.slice(from).map(({ text }) => /ALERT\d+|HEARTBEAT_OK/.exec(text)?.[0] ?? text);
}

/** A user's message, and in its run or some time after it a wake; until the heartbeat has come to its end. */
async function play(
  bed: OpenBed,
  user: Client,
  { sessionKey, during, text, id }: { sessionKey: string; during: boolean; text: string; id: string },
): Promise<void> {
  bed.model.otherwise = () => ({ kind: "say", id: "HEARTBEAT", chunks: [text], delayMs: 100 });
  const from = user.frames.length;
  const { runId } = await user.chat(sessionKey, `[[say id=${id} n=${during ? 12 : 2} delay=80]]`);
  if (during) await bed.model.waitFor(id);
  else {
    await user.final(runId);
    await sleep(700);
  }
  await user.request("wake", { mode: "now", text: `EVENT${id}`, ...(takesOver ? { sessionKey } : {}) });
  await user.final(runId);
  await user.waitFor(
    (frame) => user.frames.indexOf(frame) >= from && isOutcome(frame),
    40_000,
    `the outcome of the heartbeat during ${id}`,
  );
  await sleep(700);
}

/** Not one that reports a deferred heartbeat. */
function isOutcome(frame: RecordedFrame): boolean {
  const reason = field(frame, "reason");
  return frame.event === "heartbeat" && reason !== "requests-in-flight" && reason !== "preempted";
}

function seenBy(client: Client, from: number): Seen {
  const frames = client.frames.slice(from);
  const texts = frames.filter(
    ({ event, json }) => /^(?:chat|agent)$/.test(event) && /ALERT\d+|HEARTBEAT_OK/.test(json),
  );
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

test.each(VISIBILITIES)(
  "alerts and acks with %j reach the channel and the session's clients once, as on the control gateway, and nobody else",
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
      // On the control gateway all see the same; with the module all others see only that there was a heartbeat.
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
        finals: visibility.showOk && sendsHeartbeatsAsChat ? [scene.split(" ")[0]] : [],
        events: 1,
      });
    }
    const previews = plain.flatMap(({ others }) => others.flatMap(({ events }) => events.map((each) => each.preview)));
    expect(previews.filter((preview) => preview !== undefined)).not.toHaveLength(0);
  },
  200_000,
);
