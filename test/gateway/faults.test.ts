/** The module's own functions fail at random: the gateway stays up, and nobody gets what is not theirs. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, onTestFinished, test } from "vitest";
import { Hostile } from "../../scripts/fuzz/hostile.ts";
import { type Finding, judge, type Log, type Sent, type Session } from "../../scripts/fuzz/oracle.ts";
import { Random } from "../../scripts/fuzz/random.ts";
import type { OpenBed } from "../support/gateway/bed.ts";
import { connectRaw, type Endpoint } from "../support/wire/clients.ts";
import { freePort } from "../support/gateway/gateway.ts";
import { type Thrown } from "../support/fault/faulty-module.ts";
import { HEARTBEATS_ON } from "../support/scene/heartbeat-scene.ts";
import { errorsOf, type StateProbe, stateProbe } from "../support/gateway/state.ts";
import { answer, connect, converse, freshSession, say } from "./contract.ts";
import { isolatedBed } from "./own-bed.ts";

const RATE = 0.05;
const SCENE_MS = 15_000;
/** What has to fail once at least; 2026.5 searches its plugins for every run, and may get to few of them in one scene. */
const MUST_FAIL = ["chat", "agent", "(request)"];
const MAX_SCENES = 4;
const FAULTS = new URL("../support/fault/faulty-module.ts", import.meta.url).href;

interface FaultyBed extends OpenBed, Pick<StateProbe, "state"> {
  /** Sets how often the module's functions fail, and reports how often each has. */
  fail(rate: number): Promise<Thrown>;
}

async function faultyBed(seed: number, settings: object): Promise<FaultyBed> {
  const [port, { env, state }] = [await freePort(), await stateProbe([FAULTS])];
  const faults = { OPENCLAW_TEST_FAULTS_PORT: String(port), OPENCLAW_TEST_FAULTS_SEED: String(seed) };
  const bed = await isolatedBed({ config: HEARTBEATS_ON, settings, env: { ...env, ...faults } });
  bed.model.otherwise = () => ({ kind: "say", id: "", chunks: ["HEARTBEAT_OK"], delayMs: 0 });
  const fail = async (rate: number) =>
    (await (
      await fetch(`http://127.0.0.1:${port}/?rate=${rate}`, { signal: AbortSignal.timeout(30_000) })
    ).json()) as Thrown;
  return { ...bed, state, fail };
}

/** Some seconds of clients who come, talk and go, of hostile ones alongside them, and of heartbeats. */
async function scene(gateway: Endpoint, random: Random, ms = SCENE_MS) {
  const sessions: Session[] = Array.from({ length: 3 }, () => ({
    key: `agent:main:victim-${random.word(8)}`,
    token: `t${random.word(9)}`,
  }));
  const logs: Log[] = [];
  const runIds: string[] = [];
  const until = Date.now() + ms;
  let answered = 0;

  async function talk({ key, token }: Session): Promise<void> {
    while (Date.now() < until) {
      const client = await connectRaw(gateway, { name: `of ${key}` });
      const sent: Sent[] = [];
      logs.push({ name: client.name, lines: client.lines, sent });
      for (let turn = 0; turn < 3 && Date.now() < until; turn += 1) {
        const [method, id, runId] = ["chat.send", crypto.randomUUID(), crypto.randomUUID()];
        const params = { sessionKey: key, message: say(token, 20, 20), idempotencyKey: runId };
        sent.push({ after: client.lines.length, id, method, params });
        runIds.push(runId);
        client.sendRaw({ type: "req", id, method, params });
        await client.final(runId, 4_000).catch(() => undefined); // it may never come
        await sleep(600); // 2026.5 answers a message right after a final with an empty one
      }
      answered += client.lines.filter((line) => line.startsWith('{"type":"res"')).length;
      await client.close();
    }
  }

  async function wake(): Promise<void> {
    const client = await connectRaw(gateway, { name: "waker", scopes: ["operator.admin"] });
    while (Date.now() < until) {
      await client.request("wake", { mode: "now", text: `event ${random.word(6)}` }).catch(() => undefined);
      await client.chat("agent:main:main", say(random.word(6), 4, 20)).catch(() => undefined);
      await sleep(2_000);
    }
    await client.close();
  }

  async function attack(hostile: Hostile): Promise<void> {
    while (Date.now() < until) {
      await hostile.act({ sessions, runIds });
      await sleep(random.below(50));
    }
    await hostile.close();
    logs.push(...hostile.logs);
  }

  const hostiles = Array.from({ length: 3 }, (_, index) => {
    return new Hostile(gateway, `hostile-${index}`, new Random(random.below(2 ** 32)));
  });
  await Promise.all([...sessions.map(talk), ...hostiles.map(attack), wake()]);
  const findings: Finding[] = logs.flatMap((log) => judge(log, sessions).findings);
  return { findings, answered };
}

test.each<[string, object]>([
  ["without access rules", {}],
  ["with access rules", { access: [{ match: {}, sessions: ["agent:main:*", "global"] }] }],
])(
  "a gateway %s serves its clients while one in twenty of the module's calls throws",
  async (_, settings) => {
    const seed = Number(process.env["FAULTS_SEED"] ?? new Random(Date.now()).below(2 ** 32));
    onTestFinished(({ task }) => {
      if (task.result?.state === "fail") console.error(`replay with FAULTS_SEED=${seed}`);
    });
    // The judge sees what is wrong where something is. A gateway's first run takes its time, so there is one before.
    await converse(await connect(inject("plain")), freshSession().key, say("first", 2));
    const seen: Finding[] = [];
    for (let tries = 0; tries < 5 && seen.length === 0; tries += 1)
      seen.push(...(await scene(inject("plain"), new Random(seed), 8_000)).findings);
    expect(seen).not.toHaveLength(0);

    const bed = await faultyBed(seed, settings);
    const { gateway } = bed;
    const session = freshSession();
    expect(await converse(await connect(gateway), session.key, say(session.id, 4))).toBe(answer(session.id, 4));
    expect(errorsOf(await bed.state())).toEqual({});

    await bed.fail(RATE);
    const spared = async (): Promise<string[]> => {
      const failed = Object.keys(errorsOf(await bed.state()));
      return MUST_FAIL.filter((each) => !failed.includes(each));
    };
    const findings: Finding[] = [];
    let answered = 0;
    for (let n = 0; n < MAX_SCENES && (await spared()).length > 0; n += 1) {
      const part = await scene(gateway, new Random(seed + n));
      findings.push(...part.findings);
      answered += part.answered;
    }
    const thrown = await bed.fail(0);
    expect(findings).toEqual([]);
    expect(answered).toBeGreaterThan(10);
    expect(Object.values(thrown).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(30);
    expect(await spared()).toEqual([]);
    expect(bed.gateway.logs()).toMatch(/"(?:agent|chat)" events go to nobody: the module failed on one of them/);

    for (let n = 0; n < 3; n += 1) {
      const after = freshSession();
      const client = await connect(gateway);
      expect(await converse(client, after.key, say(after.id, 12))).toBe(answer(after.id, 12));
    }
  },
  300_000,
);
