import { describe, expect, test } from "vitest";
import {
  type CanonicalRoute,
  type DeliverySettings,
  mayReceive,
  recipients,
  type Verdict,
} from "../../src/policy/delivery.ts";
import { Claims } from "../../src/policy/claims.ts";

const A = "agent:main:a";
const B = "agent:main:b";
const SESSION: DeliverySettings = { scope: "session", roster: "subscribers" };
const RUN: DeliverySettings = { scope: "run", roster: "subscribers" };
const CLAIMED_ROWS: DeliverySettings = { scope: "session", roster: "claimed" };

/** Each connection is named after what it has on session A. */
function subscribers(): Claims<string> {
  const all = new Claims<string>({ claimsPerConnection: 10, runsPerConnection: 10 });
  const connections = [
    "idle",
    "on-b",
    "left",
    "refused",
    "pending",
    "claims",
    "explicit",
    "runs-r1",
    "ran-and-left",
    "asks-again",
    "list",
    "list-and-claims",
  ];
  for (const connection of connections) all.connect(connection);
  all.connect("observer", { observer: true });
  all.connect("observer-of-list", { observer: true });
  const accept = (connection: string, key: string, explicit = false, runId?: string): void =>
    all
      .begin(connection, [key], explicit)!
      .accept({ run: runId === undefined ? undefined : { id: runId, fresh: true } });
  accept("on-b", B);
  accept("left", A);
  all.unclaim("left", A);
  all.begin("refused", [A])!.reject();
  all.begin("pending", [A]);
  accept("claims", A);
  accept("explicit", A, true);
  accept("runs-r1", A, false, "r1");
  accept("ran-and-left", A, false, "r1");
  all.unclaim("ran-and-left", A);
  accept("asks-again", A);
  all.begin("asks-again", [A]);
  accept("list-and-claims", A);
  for (const connection of ["list", "list-and-claims", "observer-of-list"]) all.setRoster(connection, true);
  return all;
}

const onA: CanonicalRoute = { to: "session", keys: [A] };
const onBoth: CanonicalRoute = { to: "session", keys: [B, A] };
const onR1: CanonicalRoute = { to: "session", keys: [A], runId: "r1" };
const onR2: CanonicalRoute = { to: "session", keys: [A], runId: "r2" };
const row: CanonicalRoute = { to: "roster", keys: [A] };
const rowless: CanonicalRoute = { to: "roster", keys: [] };

interface Expected {
  readonly name: string;
  readonly settings: DeliverySettings;
  readonly route: CanonicalRoute;
  readonly deliver: readonly string[];
  readonly hold: readonly string[];
}

const withClaim = ["asks-again", "claims", "explicit", "list-and-claims", "runs-r1"];
const watching = ["observer", "observer-of-list"];
const listed = ["list", "list-and-claims", "observer-of-list"];

const TABLE: readonly Expected[] = [
  { name: "an event of A", settings: SESSION, route: onA, deliver: [...withClaim, ...watching], hold: ["pending"] },
  {
    name: "an event of A and B",
    settings: SESSION,
    route: onBoth,
    deliver: [...withClaim, "on-b", ...watching],
    hold: ["pending"],
  },
  {
    name: "an event of a run on A, scope session",
    settings: SESSION,
    route: onR1,
    deliver: [...withClaim, "ran-and-left", ...watching],
    hold: ["pending"],
  },
  {
    name: "a run on A, scope run",
    settings: RUN,
    route: onR1,
    deliver: ["explicit", "runs-r1", "ran-and-left", ...watching],
    hold: ["asks-again", "pending"],
  },
  {
    name: "an event with the id of a run on A in another session",
    settings: SESSION,
    route: { to: "session", keys: [B], runId: "r1" },
    deliver: ["on-b", ...watching],
    hold: [],
  },
  {
    name: "a run nobody started, scope run",
    settings: RUN,
    route: onR2,
    deliver: ["explicit", ...watching],
    hold: ["asks-again", "pending"],
  },
  {
    name: "an event without a run, scope run",
    settings: RUN,
    route: onA,
    deliver: ["explicit", ...watching],
    hold: ["asks-again", "pending"],
  },
  { name: "a row of A, to subscribers", settings: SESSION, route: row, deliver: listed, hold: [] },
  {
    name: "a row of A, to its claimants",
    settings: CLAIMED_ROWS,
    route: row,
    deliver: ["list-and-claims", "observer-of-list"],
    hold: [],
  },
  { name: "a list without a row, to subscribers", settings: SESSION, route: rowless, deliver: listed, hold: [] },
  { name: "a list without a row, to claimants", settings: CLAIMED_ROWS, route: rowless, deliver: listed, hold: [] },
  {
    name: "an event without a key",
    settings: SESSION,
    route: { to: "nobody", reason: "no-key" },
    deliver: [],
    hold: [],
  },
  {
    name: "an event with a malformed key",
    settings: RUN,
    route: { to: "nobody", reason: "bad-key" },
    deliver: [],
    hold: [],
  },
];

const CONNECTIONS = [
  "idle",
  "on-b",
  "left",
  "refused",
  "pending",
  "claims",
  "explicit",
  "runs-r1",
  "ran-and-left",
  "asks-again",
  "list",
  "list-and-claims",
  "observer",
  "observer-of-list",
  "stranger",
];

describe.each(TABLE)("$name", ({ name, settings, route, deliver, hold }) => {
  const verdicts = CONNECTIONS.map((connection): [Verdict, string] => [
    deliver.includes(connection) ? "deliver" : hold.includes(connection) ? "hold" : "drop",
    connection,
  ]);
  test.each(verdicts)(`mayReceive says %s to connection %s for ${name}`, (verdict, connection) => {
    expect(mayReceive(connection, route, subscribers(), settings)).toBe(verdict);
  });

  test(`recipients finds the same connections through the index for ${name}`, () => {
    const found = recipients(route, subscribers(), settings);
    expect([...found.deliver].toSorted()).toEqual(deliver.toSorted());
    expect([...found.hold].toSorted()).toEqual(hold.toSorted());
  });
});

describe("without observers, one key and scope session", () => {
  const few = new Claims<string>({ claimsPerConnection: 10, runsPerConnection: 10 });
  for (const connection of ["claims", "pending", "idle"]) few.connect(connection);
  few.begin("claims", [A])!.accept();
  few.begin("pending", [A]);

  test("recipients returns the entry of the index itself without observers, for one key and scope session", () => {
    expect(recipients(onA, few, SESSION)).toEqual({
      route: onA,
      deliver: new Set(["claims"]),
      hold: new Set(["pending"]),
      reason: "delivered",
    });
    expect(mayReceive("claims", onA, few, SESSION)).toBe("deliver");
    expect(mayReceive("pending", onA, few, SESSION)).toBe("hold");
    expect(mayReceive("idle", onA, few, SESSION)).toBe("drop");
  });

  test("recipients does not return the entry of the index under scope run", () => {
    expect(recipients(onR1, few, RUN)).toEqual({
      route: onR1,
      deliver: new Set(),
      hold: new Set(["pending"]),
      reason: "held",
    });
  });
});

describe("the reason for a delivery", () => {
  const nobody = new Claims<string>({ claimsPerConnection: 10, runsPerConnection: 10 });
  nobody.connect("idle");

  test.each<[string, CanonicalRoute, Claims<string>, string]>([
    ["delivered", onA, subscribers(), "delivered"],
    ["no-claim, though somebody is connected", onA, nobody, "no-claim"],
    ["no-claim for a row that nobody asked for", row, nobody, "no-claim"],
    ["no-key", { to: "nobody", reason: "no-key" }, subscribers(), "no-key"],
    ["bad-key", { to: "nobody", reason: "bad-key" }, subscribers(), "bad-key"],
  ])("recipients gives the reason %s", (_, route, claims, reason) => {
    expect(recipients(route, claims, SESSION).reason).toBe(reason);
  });
});

describe("the event of a child session", () => {
  const [PARENT, CHILD] = ["agent:main:parent", "agent:main:subagent:child"];
  const route = { to: "session", keys: [CHILD], parent: PARENT } as const;
  const scene = () => {
    const claims = new Claims<string>({ claimsPerConnection: 9, runsPerConnection: 9 });
    for (const connection of ["claimant", "restricted", "bystander"]) claims.connect(connection);
    claims.entitle("restricted", { allows: (key) => key === PARENT }, false);
    return claims;
  };

  test("a child's event reaches whoever claims the parent, unless the rules deny the child", () => {
    const claims = scene();
    for (const connection of ["claimant", "restricted"]) claims.begin(connection, [PARENT])!.accept();
    expect([...recipients(route, claims, SESSION).deliver]).toEqual(["claimant"]);
    expect(mayReceive("restricted", route, claims, SESSION)).toBe("drop");
    expect(mayReceive("bystander", route, claims, SESSION)).toBe("drop");
  });

  test('under scope "run" a child\'s event reaches only whoever subscribed to the parent explicitly', () => {
    const claims = scene();
    claims.begin("claimant", [PARENT])!.accept();
    expect(mayReceive("claimant", route, claims, RUN)).toBe("drop");
    claims.begin("claimant", [PARENT], true)!.accept();
    expect(mayReceive("claimant", route, claims, RUN)).toBe("deliver");
  });

  test("a child's event is held while the gateway owes the answer that claims the parent", () => {
    const claims = scene();
    for (const connection of ["claimant", "restricted"]) claims.begin(connection, [PARENT]);
    expect([...recipients(route, claims, SESSION).hold]).toEqual(["claimant"]);
  });
});

test("an event that only happens to name sessions tells a restricted connection of none that is denied", () => {
  const [OWN, OTHER] = ["agent:main:own", "agent:main:other"];
  const claims = new Claims<string>({ claimsPerConnection: 9, runsPerConnection: 9 });
  claims.connect("restricted", { access: { allows: (key) => key === OWN } });
  claims.begin("restricted", [OWN])!.accept();
  const found = (keys: readonly string[]) => ({ to: "session", keys, found: true }) as const;
  expect(mayReceive("restricted", found([OWN]), claims, SESSION)).toBe("deliver");
  expect(mayReceive("restricted", found([OWN, OTHER]), claims, SESSION)).toBe("drop");
});
