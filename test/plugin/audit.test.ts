import { expect, test } from "vitest";
import { auditFindings } from "../../src/plugin/audit.ts";
import { type IsolationStatus, STATUS_SCHEMA } from "../../src/status.ts";

const status = (attached: boolean): { status: IsolationStatus } => ({
  status: { schema: STATUS_SCHEMA, version: "1", release: "2026.9.6", attached, seams: [], settings: {} },
});

const config = (settings: object) => ({ plugins: { entries: { "event-isolation": { config: settings } } } });

async function found(
  settings: object,
  answer: Awaited<Parameters<typeof auditFindings>[1] extends () => infer R ? R : never>,
) {
  const findings = await auditFindings(config(settings), async () => answer);
  return findings.map(({ checkId, severity }) => `${severity} ${checkId}`);
}

test.each([
  [{}, status(true), []],
  [{}, status(false), ["critical event_isolation.unprotected"]],
  [{}, { problem: "connection refused" }, ["info event_isolation.unknown"]],
  [{ observers: [{ mode: "ui" }] }, status(true), ["warn event_isolation.observers"]],
  [{ onMissingSeam: "warn" }, status(true), ["warn event_isolation.on_missing_seam"]],
  [{ onMissingPreload: "warn" }, status(true), ["warn event_isolation.on_missing_preload"]],
  [{ onMissingPreload: "restart" }, status(true), []],
  [{ scope: "everybody" }, status(true), ["critical event_isolation.settings"]],
])("settings %j, gateway %j: %j", async (settings, answer, expected) => {
  expect(await found(settings, answer)).toEqual(expected);
});
