/** A report for the terminal. */
import { textTable } from "./columns.ts";
import { cellOf, type GatewayReport, honest, sizeText, totalOf } from "./shape.ts";

const MARK = { pass: "ok  ", fail: "FAIL", unknown: "?   " } as const;

/** Matrix, checks and verdict of one gateway; no control characters of the gateway's get through. */
export function gatewayText(gateway: GatewayReport): string {
  const { checks, verdict, reasons, leftBehind } = gateway;
  const lines = [
    `OpenClaw ${gateway.release} at ${gateway.label}, ${gateway.mode === "exchange" ? "an exchange" : "only listening"}`,
    ...matrixText(gateway).split("\n"),
    "",
    ...checks.map(({ name, result, detail }) => `  ${MARK[result]} ${name}: ${detail}`),
    ...leftBehind.map((what) => `  left behind: ${what}`),
    "",
    `${verdict}: ${reasons[0] ?? ""}`,
    ...reasons.slice(1).map((reason) => `  ${reason}`),
  ];
  return lines.map((line) => honest(line.replaceAll(/\s/g, " "))).join("\n");
}

/** Sessions down, connections across, in each cell frames and bytes. */
export function matrixText(gateway: GatewayReport): string {
  const { sessions, connections } = gateway;
  if (sessions.length === 0) return "  no frame of any session was seen";
  return textTable([
    ["from \\ to", ...connections.map(({ name }) => name)],
    ...sessions.map(({ name }, session) => [
      name,
      ...connections.map((_, connection) => cellText(gateway, session, connection)),
    ]),
  ]);
}

function cellText(gateway: GatewayReport, session: number, connection: number): string {
  const { frames, bytes } = cellOf(gateway, session, connection);
  const parts = [
    frames.own > 0 ? `${frames.own} (${sizeText(bytes.own)})` : "",
    frames.foreign > 0 ? `${frames.foreign} (${sizeText(bytes.foreign)}) LEAK` : "",
    frames.roster > 0 ? `${frames.roster} rows` : "",
    frames.named > 0 ? `${frames.named} named` : "",
  ];
  return parts.filter((part) => part !== "").join(" + ") || "·";
}

/** One line over all gateways. */
export function summaryOf(gateways: readonly GatewayReport[]): string {
  return gateways
    .map((gateway) => {
      const { frames, bytes } = totalOf(gateway, "foreign");
      const found = frames > 0 ? `, ${frames} foreign frames (${sizeText(bytes)})` : "";
      return `${gateway.label}: ${gateway.verdict}${found}`;
    })
    .join("; ");
}
