/** Which questions of the release the access rules answer. */
import { expect, test } from "vitest";
import { pushesByRules } from "../../src/delivery/web-push.ts";
import { scopedGateway } from "../support/stand-in/scoped-gateway.ts";
import { perConnection } from "../support/stand-in/stand-ins.ts";

const DEVICE = "9c1d".repeat(16);
const MINE = "agent:main:mine:a";
const OTHER = "agent:main:other:b";

/** As the release makes up a client for a subscribed browser. */
const browser = (id: string) => ({
  connect: { role: "operator", scopes: ["operator.read"], client: { version: "web-push" }, device: { id } },
});

const asked = (access: unknown[], original = () => true) => {
  const { scope } = scopedGateway(perConnection, { settings: { access } });
  return pushesByRules(original, () => scope.access);
};

test("a browser is notified of the sessions that the rules let its device use", () => {
  const may = asked([{ match: { deviceId: DEVICE }, sessions: ["agent:main:mine:*"] }, { sessions: [] }]);
  const ask = (id: string, ...sessionKeys: unknown[]) => may({ client: browser(id), sessionKeys });
  expect(ask(DEVICE, MINE)).toBe(true);
  expect([ask(DEVICE, OTHER), ask(DEVICE, MINE, OTHER), ask(DEVICE, 7), ask("unknown", MINE)]).toEqual(
    Array.from({ length: 4 }, () => false),
  );
});

test("the release decides without rules, for connections, and where it says no itself", () => {
  const rules = [{ match: { deviceId: DEVICE }, sessions: [MINE] }];
  expect(asked([])({ client: browser("any"), sessionKeys: [OTHER] })).toBe(true);
  const connection = { connId: "c", connect: { client: { version: "2026.9.6" } } };
  expect(asked(rules)({ client: connection, sessionKeys: [OTHER] })).toBe(true);
  expect(asked(rules, () => false)({ client: browser(DEVICE), sessionKeys: [MINE] })).toBe(false);
  expect(asked(rules)(undefined)).toBe(true);
});
